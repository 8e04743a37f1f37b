//! A socket that the parent process made and passed on.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::{dial, listen, secure};
use crate::cli::Options;
use crate::output::messages::Notifier;
use crate::status::Failure;
use qmpsh::client::Client;
use qmpsh::error::describe;
use qmpsh::transport::{DialTarget, Inherited};

/// The first descriptor that a service manager passes. Source: `sd_listen_fds(3)`.
const FIRST_PASSED: u32 = 3;

/// The variables with which a service manager describes the descriptors it passes.
const VARIABLES: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// A socket that the parent process made, not looked at.
pub(crate) struct Passed {
    number: RawFd,
    descriptor: OwnedFd,
}

impl Passed {
    /// Takes the descriptor of this number. Must be called before the program opens any descriptor.
    pub(crate) fn claim(number: u32) -> Result<Self, Failure> {
        if let Some(name) = ["stdin", "stdout", "stderr"].get(number as usize) {
            return Err(unusable(&format!("fd {number}: it is {name}; pass the socket as 3 or more")));
        }
        let number = RawFd::try_from(number).map_err(|_| unusable(&closed(number)))?;
        let descriptor = claim(number).map_err(|_| unusable(&closed(number)))?;
        Ok(Self { number, descriptor })
    }

    /// Returns the numbers of the descriptors that the service manager passed.
    pub(crate) fn numbers() -> Result<Vec<u32>, Failure> {
        let passed = passed(|name| std::env::var(name).ok(), std::process::id(), "--listen SOCKET")?;
        Ok(passed.collect())
    }

    /// Finds out what it is.
    pub(crate) fn open(self) -> Result<Inherited, Failure> {
        let Self { number, descriptor } = self;
        Inherited::new(descriptor).map_err(|error| unusable(&format!("fd {number}: {}", describe(&error))))
    }
}

/// An inherited descriptor.
pub(super) struct Socket {
    number: RawFd,
    /// `None` after it was used.
    passed: Option<Passed>,
}

impl Socket {
    /// Takes the descriptor of this number, or else the one that the service manager passed.
    ///
    /// Must be called before the program opens any descriptor.
    pub(super) fn claim(number: Option<u32>) -> Result<Self, Failure> {
        let number = match number {
            None => only(passed(|name| std::env::var(name).ok(), std::process::id(), "`qmpsh fd 3`")?)?,
            Some(number) => number,
        };
        let passed = Passed::claim(number)?;
        Ok(Self { number: passed.number, passed: Some(passed) })
    }

    pub(super) fn shown(&self) -> String {
        format!("fd:{}", self.number)
    }

    /// Establishes the session on a connected socket, or with the first usable peer of a listening one.
    pub(super) async fn open(
        &mut self,
        client: &Client,
        options: &Options,
        notifier: &Notifier,
    ) -> Result<(), Failure> {
        let number = self.number;
        let shown = self.shown();
        let Some(passed) = self.passed.take() else {
            return Err(unusable(&format!("fd {number}: its connection is gone")));
        };
        let to = match passed.open()? {
            Inherited::Listening(listener) => {
                let at = listener.address();
                if options.tls_hostname.is_some() {
                    return Err(unusable(&format!(
                        "fd {number}: --tls-hostname does not work with a listening socket"
                    )));
                }
                let listener = match &options.tls_creds {
                    None => listener,
                    Some(directory) => secure::server(directory, options.connect_timeout).await?.listen(listener),
                };
                let opened = client.session().open_with_listener(listener);
                opened.map_err(|error| unusable(&describe(&error)))?;
                notifier.say(&format!("listening on {shown} ({at})"));
                return listen::accept(client, options.wait, &shown).await;
            }
            Inherited::Connected(link) => DialTarget::Link(link),
        };
        let limit = options.connect_timeout.max(options.wait.unwrap_or_default());
        let attempted = dial::attempt(client, to, secure::client(options).await?, limit).await;
        attempted.map_err(|problem| Failure::no_session(problem.explain(&shown)))
    }
}

/// Returns the descriptors that a service manager passed to the process `pid`. `other` is what names one otherwise.
/// Source: `sd_listen_fds(3)`.
fn passed(variable: impl Fn(&str) -> Option<String>, pid: u32, other: &str) -> Result<Range<u32>, Failure> {
    let none = |why: &str| unusable(&format!("no descriptor was passed: {why}; name one, as in {other}"));
    let number = |name: &str| -> Result<u32, Failure> {
        let text = variable(name).ok_or_else(|| none(&format!("${name} is not set")))?;
        text.parse().map_err(|_| none(&format!("${name} is not a number")))
    };
    let process = number("LISTEN_PID")?;
    if process != pid {
        return Err(none(&format!("$LISTEN_PID is {process}, but this is process {pid}")));
    }
    match number("LISTEN_FDS")? {
        0 => Err(none("$LISTEN_FDS is 0")),
        count => Ok(FIRST_PASSED..FIRST_PASSED.saturating_add(count)),
    }
}

fn only(passed: Range<u32>) -> Result<u32, Failure> {
    let (count, last) = (passed.len(), passed.end - 1);
    if count > 1 {
        return Err(unusable(&format!(
            "{count} descriptors were passed, {FIRST_PASSED} to {last}: name one, as in `qmpsh fd 3`"
        )));
    }
    Ok(passed.start)
}

fn closed(number: impl std::fmt::Display) -> String {
    format!("fd {number}: the descriptor is not open")
}

fn unusable(message: &str) -> Failure {
    Failure::no_session(message)
}

/// Takes an inherited descriptor and removes the variables that describe it, so that no child process gets them.
#[allow(unsafe_code, reason = "a bare number is all that a parent process passes on, and std's environment is global")]
fn claim(number: RawFd) -> std::io::Result<OwnedFd> {
    // SAFETY: this is called at the start of the program, before any other thread runs and before the program
    // opens a descriptor. So no other code reads the environment meanwhile. A number over 2 is either closed, which
    // fcntl reports without harm, or inherited and without another owner.
    unsafe {
        for name in VARIABLES {
            std::env::remove_var(name);
        }
        let descriptor = BorrowedFd::borrow_raw(number);
        rustix::io::fcntl_setfd(descriptor.as_fd(), rustix::io::FdFlags::CLOEXEC)?;
        Ok(OwnedFd::from_raw_fd(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_manager_passes() {
        #[track_caller]
        fn check(pid: Option<&str>, count: Option<&str>, expected: Result<u32, &str>) {
            let variable = |name: &str| if name == "LISTEN_PID" { pid } else { count }.map(str::to_owned);
            match (passed(variable, 7, "").and_then(only), expected) {
                (Ok(number), expected) => assert_eq!(Ok(number), expected),
                (Err(failure), Err(expected)) => assert!(failure.message.contains(expected), "{failure:?}"),
                (Err(failure), Ok(_)) => panic!("{failure:?}"),
            }
        }
        check(Some("7"), Some("1"), Ok(3));
        check(None, Some("1"), Err("$LISTEN_PID is not set"));
        check(Some("8"), Some("1"), Err("$LISTEN_PID is 8, but this is process 7"));
        check(Some("x"), Some("1"), Err("$LISTEN_PID is not a number"));
        check(Some("7"), None, Err("$LISTEN_FDS is not set"));
        check(Some("7"), Some("-1"), Err("$LISTEN_FDS is not a number"));
        check(Some("7"), Some("0"), Err("$LISTEN_FDS is 0"));
        check(Some("7"), Some("3"), Err("3 descriptors were passed, 3 to 5"));
        check(Some("7"), Some("4294967295"), Err("3 to 4294967294"));
    }
}
