//! `vm:NAME` and `pid:N`: which monitor is meant.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;

use super::{Language, Place, QemuProcess, State};
use crate::address::Address;
use crate::text;

/// A QEMU process, as an address names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// By its `-name`.
    Vm(OsString),
    /// By its process id.
    Pid(u32),
}

/// Why there is no monitor to connect to; the message is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No such process.
    #[error("{0}")]
    NotFound(String),
    /// Several processes of that name.
    #[error("{0}")]
    Several(String),
    /// It has no monitor that can be reached.
    #[error("{0}")]
    NoMonitor(String),
    /// Each of its monitors is in use.
    #[error("{0}")]
    Held(String),
}

impl From<ResolveError> for io::Error {
    fn from(error: ResolveError) -> Self {
        let kind = match error {
            ResolveError::NotFound(_) => io::ErrorKind::NotFound,
            ResolveError::Several(_) => io::ErrorKind::InvalidInput,
            ResolveError::NoMonitor(_) => io::ErrorKind::Unsupported,
            ResolveError::Held(_) => io::ErrorKind::ResourceBusy,
        };
        io::Error::new(kind, error)
    }
}

/// The first free QMP monitor of the process that is meant, with or without TLS; one whose state is not known is taken
/// for free.
pub fn resolve(wanted: &Wanted, processes: &[QemuProcess], tls: bool) -> Result<Address, ResolveError> {
    let process = choose(wanted, processes)?;
    let mut busy = Vec::new();
    for monitor in &process.monitors {
        let Place::At(address) = &monitor.place else { continue };
        // What needs another protocol first is not for this client.
        if monitor.language != Language::Qmp || monitor.wrapper != tls.then_some(super::TLS) {
            continue;
        }
        match &monitor.state {
            State::Held(holder) => busy.push(format!("{} by {holder}", text::line(&address.to_string()))),
            State::NotListening | State::NotConnected => {}
            State::Free | State::Unknown => return Ok(address.clone()),
        }
    }
    if let (true, true, Some(ways)) = (busy.is_empty(), process.hidden, libvirt(process)) {
        return Err(ResolveError::Held(format!(
            "{process} is another user's, so its monitor is not to be seen; {ways}"
        )));
    }
    if busy.is_empty() {
        let others = process.monitors.iter().any(|monitor| (monitor.wrapper == Some(super::TLS)) != tls);
        let (with, otherwise) = match (tls, others) {
            (false, true) => ("without TLS ", "--tls-creds DIR, as one of its monitors has TLS"),
            (false, false) => ("", "QEMU makes one with -qmp unix:PATH,server=on,wait=off"),
            (true, _) => ("with TLS ", "for one without it leave --tls-creds away"),
        };
        return Err(ResolveError::NoMonitor(format!(
            "{process} has no QMP monitor {with}that can be connected to; `qmpsh list` shows what it has ({otherwise})"
        )));
    }
    let mut message = format!("every monitor of {process} is held: {}", busy.join(", "));
    if let Some(ways) = libvirt(process) {
        message = format!("{message}; {ways}");
    }
    Err(ResolveError::Held(message))
}

/// What to do with a VM of libvirt's.
fn libvirt(process: &QemuProcess) -> Option<String> {
    let (virsh, proxy) = (process.virsh()?, process.libvirt_proxy()?);
    Some(format!("ask libvirt instead: {virsh}; or have it make a socket for this shell: {proxy}"))
}

fn choose<'a>(wanted: &Wanted, processes: &'a [QemuProcess]) -> Result<&'a QemuProcess, ResolveError> {
    let is_meant = |process: &&QemuProcess| match wanted {
        Wanted::Vm(name) => process.name.as_ref() == Some(name),
        Wanted::Pid(pid) => process.pid == *pid,
    };
    let found: Vec<_> = processes.iter().filter(is_meant).collect();
    match (found.as_slice(), wanted) {
        ([process], _) => Ok(process),
        ([], wanted) => {
            let what = match wanted {
                Wanted::Vm(name) => format!("no VM named {} runs on this machine", text::bytes(name.as_bytes())),
                Wanted::Pid(pid) => format!("process {pid} is no running QEMU"),
            };
            Err(ResolveError::NotFound(format!("{what}; {}", running(processes))))
        }
        (several, _) => {
            let pids: Vec<_> = several.iter().map(|process| format!("pid:{}", process.pid)).collect();
            let name = several[0].name.as_ref().map(|name| text::bytes(name.as_bytes())).unwrap_or_default();
            Err(ResolveError::Several(format!("several VMs are named {name}; say which: {}", pids.join(", "))))
        }
    }
}

fn running(processes: &[QemuProcess]) -> String {
    const SHOWN: usize = 5;
    if processes.is_empty() {
        return "no QEMU runs here".to_owned();
    }
    let names: Vec<_> = processes.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if processes.len() > SHOWN { format!(" and {} more", processes.len() - SHOWN) } else { String::new() };
    format!("there is {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::{Holder, Monitor};
    use super::*;

    fn monitor(path: &str, state: State) -> Monitor {
        Monitor { language: Language::Qmp, place: Place::At(Address::Unix(path.into())), wrapper: None, state }
    }

    fn held() -> State {
        State::Held(Holder::Process { pid: 9, name: "qmpsh".into() })
    }

    fn process(pid: u32, name: Option<&str>, monitors: Vec<Monitor>) -> QemuProcess {
        QemuProcess {
            pid,
            program: "qemu-system-x86_64".into(),
            name: name.map(Into::into),
            monitors,
            reads_config: false,
            libvirt: false,
            hidden: false,
        }
    }

    #[test]
    fn monitors_to_connect_to() {
        let hmp = Monitor { language: Language::Hmp, ..monitor("/hmp", State::Free) };
        let tls = Monitor { wrapper: Some(super::super::TLS), ..monitor("/tls", State::Free) };
        let dials = Monitor { place: Place::DialsOut(Address::Unix("/out".into())), ..monitor("/out", State::Free) };
        let virsh = QemuProcess { libvirt: true, ..process(6, Some("it's"), vec![monitor("/m", held())]) };
        let unseen = Monitor { place: Place::Other("descriptor 23".to_owned()), ..monitor("/m", State::Unknown) };
        let hidden = QemuProcess { libvirt: true, hidden: true, ..process(8, Some("db"), vec![unseen]) };
        let processes = [
            process(1, Some("a"), vec![hmp.clone(), tls, dials, monitor("/held", held()), monitor("/a", State::Free)]),
            process(2, Some("twice"), vec![]),
            process(3, Some("twice"), vec![]),
            process(4, None, vec![monitor("/n", State::Unknown)]),
            process(5, Some("busy"), vec![monitor("/x", held()), monitor("/y", State::Held(Holder::Hidden))]),
            virsh,
            process(7, Some("\u{1b}[2J"), vec![hmp, monitor("/gone", State::NotListening)]),
            hidden,
        ];
        let check = |wanted: Wanted, expected: Result<&str, &str>| {
            let found = resolve(&wanted, &processes, false).map_err(|error| error.to_string());
            let expected = expected.map(|path| Address::Unix(path.into())).map_err(str::to_owned);
            assert_eq!(found, expected, "{wanted:?}");
        };
        let vm = |name: &str| Wanted::Vm(name.into());
        check(vm("a"), Ok("/a"));
        check(Wanted::Pid(1), Ok("/a"));
        check(Wanted::Pid(4), Ok("/n"));
        check(
            vm("b"),
            Err("no VM named b runs on this machine; there is a (1), twice (2), twice (3), qemu-system-x86_64 (4), \
                 busy (5) and 3 more"),
        );
        check(vm("twice"), Err("several VMs are named twice; say which: pid:2, pid:3"));
        check(
            vm("busy"),
            Err(
                "every monitor of busy (5) is held: /x by qmpsh (9), /y by a process that only its user or root may see",
            ),
        );
        check(
            vm("it's"),
            Err(
                r#"every monitor of it's (6) is held: /m by qmpsh (9); ask libvirt instead: virsh qemu-monitor-command 'it'\''s' '{"execute":"query-status"}'; or have it make a socket for this shell: virt-qemu-qmp-proxy 'it'\''s' PATH"#,
            ),
        );
        check(
            vm("db"),
            Err(
                r#"db (8) is another user's, so its monitor is not to be seen; ask libvirt instead: virsh -c qemu:///system qemu-monitor-command db '{"execute":"query-status"}'; or have it make a socket for this shell: virt-qemu-qmp-proxy -c qemu:///system db PATH"#,
            ),
        );
        check(
            Wanted::Pid(7),
            Err(
                "\\u{1b}[2J (7) has no QMP monitor that can be connected to; `qmpsh list` shows what it has (QEMU makes \
                 one with -qmp unix:PATH,server=on,wait=off)",
            ),
        );
        let with_tls = resolve(&vm("a"), &processes, true);
        assert_eq!(with_tls, Ok(Address::Unix("/tls".into())));
        let none = resolve(&Wanted::Pid(4), &processes, true).unwrap_err().to_string();
        assert!(
            none.contains("has no QMP monitor with TLS that can") && none.contains("leave --tls-creds away"),
            "{none}"
        );
        let processes = [process(1, Some("a"), vec![processes[0].monitors[1].clone()])];
        let only = resolve(&vm("a"), &processes, false).unwrap_err().to_string();
        assert!(only.contains("without TLS") && only.contains("(--tls-creds DIR, as one"), "{only}");
        let nothing = resolve(&Wanted::Pid(8), &[], false).unwrap_err();
        assert_eq!(nothing.to_string(), "process 8 is no running QEMU; no QEMU runs here");
        assert_eq!(io::Error::from(nothing).kind(), io::ErrorKind::NotFound);
    }
}
