//! Finds the monitor that `vm:NAME` or `pid:N` names.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;

use super::process::{Access, Language, Place, QemuProcess, State, TLS, stopped_sentence};
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
#[error("{message}")]
pub struct ResolveError {
    kind: io::ErrorKind,
    message: String,
    is_stopped: bool,
    other_tls: Option<bool>,
}

impl ResolveError {
    /// Returns which monitors there are in place of those that were looked for: true for some with TLS, false for some without.
    pub fn other_tls(&self) -> Option<bool> {
        self.other_tls
    }

    /// Returns true if the process exists and is stopped: once it is continued, it may have a free monitor.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

impl From<ResolveError> for io::Error {
    fn from(error: ResolveError) -> Self {
        io::Error::new(error.kind, error)
    }
}

fn refuse<T>(kind: io::ErrorKind, message: String) -> Result<T, ResolveError> {
    Err(ResolveError { kind, message, is_stopped: false, other_tls: None })
}

/// Returns the process, and its first free QMP monitor, with or without TLS.
pub fn resolve<'a>(
    wanted: &Wanted,
    processes: &'a [QemuProcess],
    tls: bool,
) -> Result<(&'a QemuProcess, &'a Address), ResolveError> {
    let process = choose(wanted, processes)?;
    if let Some(stopped) = process.stopped {
        let message = stopped_sentence("QEMU", process.pid, stopped, process.access);
        return Err(ResolveError { kind: io::ErrorKind::Other, message, is_stopped: true, other_tls: None });
    }
    let mut busy = Vec::new();
    let (mut not_accepting, mut not_listening) = (None, None);
    for monitor in &process.monitors {
        let Place::At(address) = &monitor.place else { continue };
        // This client speaks no other protocol first.
        if monitor.language != Language::Qmp || monitor.wrapper != tls.then_some(TLS) {
            continue;
        }
        match &monitor.state {
            State::Free => return Ok((process, address)),
            State::Held(holder) => busy.push(format!("{} by {holder}", text::line(&address.to_string()))),
            // It may accept in a moment: the attempt will tell.
            State::NotAccepting => not_accepting = not_accepting.or(Some(address)),
            State::NotListening => not_listening = not_listening.or(Some(address)),
            State::Unlinked | State::NotConnected | State::Unknown => {}
        }
    }
    if let Some(address) = not_accepting {
        return Ok((process, address));
    }
    if let (true, true, Some(ways)) = (busy.is_empty(), process.access == Access::Hidden, libvirt(process)) {
        return refuse(
            io::ErrorKind::ResourceBusy,
            format!("{process} belongs to another user, so its monitor is not visible; {ways}"),
        );
    }
    if let (true, Some(address)) = (busy.is_empty(), not_listening) {
        let at = address.to_string();
        return refuse(io::ErrorKind::NotFound, format!("{process} does not listen at {}", text::line(&at)));
    }
    if busy.is_empty() {
        let others = process.monitors.iter().any(|monitor| (monitor.wrapper == Some(TLS)) != tls);
        let (with, otherwise) = match (tls, others) {
            (false, true) => ("without TLS ", "one of its monitors has TLS"),
            (true, true) => ("with TLS ", "one of its monitors has none"),
            (_, false) => ("", "QEMU makes one with -qmp unix:PATH,server=on,wait=off"),
        };
        let message = format!(
            "{process} has no QMP monitor {with}that can be connected to; `qmpsh list` shows what it has ({otherwise})"
        );
        let other_tls = others.then_some(!tls);
        return Err(ResolveError { kind: io::ErrorKind::Unsupported, message, is_stopped: false, other_tls });
    }
    let mut message = format!("every monitor of {process} is held: {}", busy.join(", "));
    if let Some(ways) = libvirt(process) {
        message = format!("{message}; {ways}");
    }
    refuse(io::ErrorKind::ResourceBusy, message)
}

/// Says what to do with a VM of libvirt's.
fn libvirt(process: &QemuProcess) -> Option<String> {
    let (virsh, proxy) = (process.virsh()?, process.libvirt_proxy()?);
    Some(format!("ask libvirt instead: {virsh}; or have it make a socket for this shell: {proxy}"))
}

pub(super) fn choose<'a>(wanted: &Wanted, processes: &'a [QemuProcess]) -> Result<&'a QemuProcess, ResolveError> {
    match wanted {
        Wanted::Pid(pid) => match processes.iter().find(|process| process.pid == *pid) {
            Some(process) => Ok(process),
            None => {
                let running = running(processes);
                refuse(io::ErrorKind::NotFound, format!("process {pid} is not a running QEMU; {running}"))
            }
        },
        Wanted::Vm(name) => by_name(name, processes),
    }
}

fn by_name<'a>(name: &OsStr, processes: &'a [QemuProcess]) -> Result<&'a QemuProcess, ResolveError> {
    let shown = text::bytes(name.as_bytes());
    let named = || processes.iter().filter(|process| process.name.as_deref() == Some(name));
    let own: Vec<_> = named().filter(|process| process.access == Access::ByName).collect();
    match (own.as_slice(), named().next()) {
        ([process], _) => Ok(process),
        ([], None) => {
            let running = running(processes);
            refuse(io::ErrorKind::NotFound, format!("no VM named {shown} runs on this machine; {running}"))
        }
        ([], Some(process)) => {
            let why = if process.access == Access::Hidden { "cannot be inspected" } else { "is not yours" };
            let ways = libvirt(process).unwrap_or_else(|| format!("if you trust that user: pid:{}", process.pid));
            let user = text::line(&process.user);
            refuse(
                io::ErrorKind::PermissionDenied,
                format!("{process} is run by {user} and {why}, so vm: does not connect to it; {ways}"),
            )
        }
        (several, _) => {
            let pids: Vec<_> = several.iter().map(|process| format!("pid:{}", process.pid)).collect();
            refuse(
                io::ErrorKind::InvalidInput,
                format!("several VMs are named {shown}; say which: {}", pids.join(", ")),
            )
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
    format!("these run: {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::process::{Holder, Monitor, Stopped};
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
            uid: 1000,
            user: "ann".into(),
            monitors,
            reads_config: false,
            libvirt: false,
            access: Access::ByName,
            stopped: None,
        }
    }

    #[test]
    fn a_listener_belongs_to_the_process_its_user_or_root() {
        let process = process(7, None, vec![]);
        let check = |pid, uid, expected| assert_eq!(process.is_listener(pid, uid), expected, "{pid:?} {uid}");
        check(Some(7), 1001, true);
        check(Some(8), 1000, true);
        check(Some(8), 0, true);
        check(Some(8), 1001, false);
        check(None, 1001, false);
    }

    #[test]
    fn an_address_names_one_free_monitor() {
        let hmp = Monitor { language: Language::Hmp, ..monitor("/hmp", State::Free) };
        let tls = Monitor { wrapper: Some(TLS), ..monitor("/tls", State::Free) };
        let dials = Monitor { place: Place::DialsOut(Address::Unix("/out".into())), ..monitor("/out", State::Free) };
        let starting = monitor("/starting", State::NotListening);
        let virsh = QemuProcess { libvirt: true, ..process(6, Some("it's"), vec![monitor("/m", held())]) };
        let unseen = Monitor { place: Place::Other("descriptor 23".to_owned()), ..monitor("/m", State::Unknown) };
        let others = |process| QemuProcess { user: "eve".into(), access: Access::ByPid, ..process };
        let hidden =
            QemuProcess { libvirt: true, access: Access::Hidden, ..others(process(8, Some("db"), vec![unseen])) };
        let processes = [
            process(1, Some("a"), vec![hmp.clone(), tls, dials, monitor("/held", held()), monitor("/a", State::Free)]),
            process(2, Some("twice"), vec![]),
            process(3, Some("twice"), vec![]),
            process(4, None, vec![monitor("/unlinked", State::Unlinked), monitor("/n", State::Free)]),
            process(5, Some("busy"), vec![monitor("/x", held()), monitor("/y", State::Held(Holder::Hidden))]),
            virsh,
            process(7, Some("\u{1b}[2J"), vec![hmp, monitor("/gone", State::Unlinked)]),
            hidden,
            others(process(9, Some("hers"), vec![monitor("/hers", State::Free)])),
            others(process(10, Some("a"), vec![monitor("/trap", State::Free)])),
            process(11, Some("hung"), vec![monitor("/x", held()), monitor("/h", State::NotAccepting)]),
            QemuProcess { stopped: Some(Stopped::Signal), ..process(12, Some("t"), vec![monitor("/t", State::Free)]) },
            process(14, Some("new"), vec![starting]),
            QemuProcess { stopped: Some(Stopped::Debugger), ..process(13, None, vec![monitor("/d", State::Free)]) },
        ];
        let check = |wanted: Wanted, expected: Result<&str, &str>| {
            let found = resolve(&wanted, &processes, false).map_err(|error| error.to_string());
            let expected = expected.map(|path| Address::Unix(path.into())).map_err(str::to_owned);
            assert_eq!(found.map(|(_, address)| address.clone()), expected, "{wanted:?}");
        };
        let vm = |name: &str| Wanted::Vm(name.into());
        check(vm("a"), Ok("/a"));
        check(Wanted::Pid(1), Ok("/a"));
        check(Wanted::Pid(4), Ok("/n"));
        check(
            vm("b"),
            Err("no VM named b runs on this machine; these run: a (1), twice (2), twice (3), qemu-system-x86_64 (4), \
                 busy (5) and 9 more"),
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
                r#"db (8) is run by eve and cannot be inspected, so vm: does not connect to it; ask libvirt instead: virsh -c qemu:///system qemu-monitor-command db '{"execute":"query-status"}'; or have it make a socket for this shell: virt-qemu-qmp-proxy -c qemu:///system db PATH"#,
            ),
        );
        check(
            vm("hers"),
            Err(
                "hers (9) is run by eve and is not yours, so vm: does not connect to it; if you trust that user: pid:9",
            ),
        );
        check(Wanted::Pid(9), Ok("/hers"));
        check(Wanted::Pid(10), Ok("/trap"));
        check(vm("hung"), Ok("/h"));
        check(vm("new"), Err("new (14) does not listen at /starting"));
        check(vm("t"), Err("QEMU (12) is stopped (kill -CONT 12 continues it)"));
        check(Wanted::Pid(13), Err("QEMU (13) is stopped by a debugger"));
        check(
            Wanted::Pid(8),
            Err(
                r#"db (8) belongs to another user, so its monitor is not visible; ask libvirt instead: virsh -c qemu:///system qemu-monitor-command db '{"execute":"query-status"}'; or have it make a socket for this shell: virt-qemu-qmp-proxy -c qemu:///system db PATH"#,
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
        assert_eq!(with_tls.map(|(_, address)| address), Ok(&Address::Unix("/tls".into())));
        let error = resolve(&Wanted::Pid(4), &processes, true).unwrap_err();
        let none = error.to_string();
        assert!(none.contains("has no QMP monitor with TLS that can"), "{none}");
        assert_eq!(error.other_tls(), Some(false));
        let processes = [process(1, Some("a"), vec![processes[0].monitors[1].clone()])];
        let only = resolve(&vm("a"), &processes, false).unwrap_err().to_string();
        assert!(only.contains("without TLS") && only.contains("(one of its monitors has TLS)"), "{only}");
        let nothing = resolve(&Wanted::Pid(8), &[], false).unwrap_err();
        assert_eq!(nothing.to_string(), "process 8 is not a running QEMU; no QEMU runs here");
        assert_eq!(io::Error::from(nothing).kind(), io::ErrorKind::NotFound);
    }
}
