//! `.connect`: changes to another peer.

use std::path::PathBuf;

use async_trait::async_trait;

use crate::builtins::arguments::{Refusal, Words, on_or_off};
use crate::cli::{Options, no_host_name};
use crate::session::{Builtin, Frontend};
use crate::status::{Failure, Status, Stop};
use qmpsh::address::Address;

/// `.connect [qga=on|off] [tls-creds=DIR|off] [tls-hostname=NAME] ADDRESS`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builtins) struct Connect {
    address: Address,
    /// `None`: as it is.
    guest_agent: Option<bool>,
    /// `None`: as it is, for TCP.
    tls: Option<Tls>,
    hostname: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tls {
    Off,
    /// With the credentials in this directory.
    With(PathBuf),
}

impl Connect {
    pub(in crate::builtins) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [guest_agent, tls, hostname] = words.leading_options(["qga", "tls-creds", "tls-hostname"])?;
        let (text, span) = words.required("the address")?;
        if text.starts_with("fd:") {
            return Err(Refusal::new(span, "an inherited socket can be used only from the start: qmpsh fd N"));
        }
        let address = Address::parse(&text).map_err(|error| Refusal::new(span, error.to_string()))?;
        let tls = tls.map(|(text, span)| match text.as_str() {
            "" => Err(Refusal::new(span, "the name of the directory is empty")),
            "off" => Ok(Tls::Off),
            directory => Ok(Tls::With(directory.into())),
        });
        let (guest_agent, tls) = (guest_agent.map(on_or_off).transpose()?, tls.transpose()?);
        match (&tls, &hostname) {
            (Some(Tls::With(_)), None) => {
                if let Some(why) = no_host_name(&address) {
                    return Err(Refusal::new(span, format!("{why}; use tls-hostname=NAME")));
                }
            }
            (Some(Tls::Off), Some((_, span))) => {
                return Err(Refusal::new(*span, "a name can be checked only with TLS"));
            }
            _ => {}
        }
        Ok(Self { address, guest_agent, tls, hostname: hostname.map(|(name, _)| name) })
    }

    /// Sets the options of the connection.
    fn change(&self, options: &mut Options) {
        options.guest_agent = self.guest_agent.unwrap_or(options.guest_agent);
        match &self.tls {
            Some(Tls::With(directory)) => options.tls_creds = Some(directory.clone()),
            None if matches!(self.address, Address::Tcp { .. }) => {}
            None | Some(Tls::Off) => options.tls_creds = None,
        }
        options.tls_hostname.clone_from(&self.hostname);
    }
}

#[async_trait(?Send)]
impl Builtin for Connect {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let session = frontend.session();
        if session.connector.owns_peer() {
            let why = ".connect does not work in `qmpsh run`: its QEMU ends with this shell (start another qmpsh)";
            return Err(Failure::new(Status::Usage, why).into());
        }
        let peer = session.other_peer(self.address.clone(), |options| self.change(options));
        // A monitor serves one client at a time, so the new session would wait for the end of this one.
        if session.is_connected() && peer.connector.is_same(&session.connector) {
            return frontend.reconnect().await;
        }
        frontend.connect(peer).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtins::arguments::read_line;
    use crate::cli::{self, Task};

    fn connect(words: &str) -> Result<Connect, String> {
        read_line(&format!(".connect {words}"), Connect::read)
    }

    #[test]
    fn addresses_and_options_are_read() {
        let check = |words: &str, address: &str| assert_eq!(connect(words).unwrap().address.to_string(), address);
        check("q.sock", "q.sock");
        check("vm:web1", "vm:web1");
        check("\"/a b/q.sock\"", "/a b/q.sock");
        check("qga=on ./ga.sock", "./ga.sock");
        check("ssh://root@h/q", "ssh://root@h/q");
        check("\"exec:socat - UNIX:/q\"", "exec:socat - UNIX:/q");
    }

    #[test]
    fn options_of_the_connection_are_kept_or_set() {
        let creds = |options: &Options| options.tls_creds.as_ref().map(|path| path.display().to_string());
        let check = |words: &str, agent: bool, directory: Option<&str>, name: Option<&str>| {
            let parsed = cli::parse(["qmpsh", "q"].map(Into::into), |_| None);
            let Ok(Task::Session(mut invocation)) = parsed else { panic!() };
            let options = &mut invocation.options;
            (options.guest_agent, options.tls_creds) = (true, Some("old".into()));
            options.tls_hostname = Some("old".into());
            connect(words).unwrap().change(options);
            let found = (options.guest_agent, creds(options), options.tls_hostname.as_deref());
            assert_eq!(found, (agent, directory.map(str::to_owned), name), "{words}");
        };
        check("h:1", true, Some("old"), None);
        check("q.sock", true, None, None);
        check("vm:web1", true, None, None);
        check("qga=off q.sock", false, None, None);
        check("tls-creds=new tls-hostname=n q.sock", true, Some("new"), Some("n"));
        check("tls-creds=new vm:web1", true, Some("new"), None);
        check("tls-hostname=n h:1", true, Some("old"), Some("n"));
        check("tls-creds=off h:1", true, None, None);
    }

    #[test]
    fn a_bad_address_or_option_is_refused() {
        let check = |words: &str, expected: &str| {
            let error = connect(words).unwrap_err();
            assert!(error.starts_with(expected), "{words}: {error}");
        };
        check("", "the address is missing (usage: .connect ");
        check("a b", ".connect takes no more arguments");
        check("h:x", "bad address `h:x`");
        check("fd:3", "an inherited socket can be used only from the start");
        check("qga=1 q", "not `on` or `off`");
        check("tls-creds=d q.sock", "a Unix socket has no host name");
        check("tls-creds=off tls-hostname=n h:1", "a name can be checked only with TLS");
    }
}
