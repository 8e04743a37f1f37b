//! `qmpsh list`: the QEMU processes of this machine, their monitors, and the clients that hold them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;

use rustix::process::geteuid;
use rustix::stdio::stdout;
use serde::Serialize;

use crate::cli::manual::{HOW_TO_START, NO_ADDRESS};
use crate::cli::{ColorMode, Listing, OutputMode};
use crate::output::columns::{cut, row, size_of, width, wrap};
use crate::output::messages::Messages;
use crate::output::stdout::write_all;
use crate::status::{Failure, Status};
use qmpsh::address::Address;
use qmpsh::error::describe;
use qmpsh::json::{Indenter, escape};
use qmpsh::processes::{self, Access, Holder, Language, Monitor, Place, QemuProcess, State, Stopped, Wanted};
use qmpsh::text;

/// Finds the address for a command line without one: that of the only VM that `only_free` returns, for an interactive shell. Says
/// which VM it is. Otherwise shows the list on stderr, with a usage error.
pub(crate) fn choose(is_interactive: bool, tls: bool) -> Result<Address, Status> {
    let messages = Messages::new(ColorMode::Auto);
    let found = processes::find().unwrap_or_default();
    if is_interactive && let Some(only) = only_free(&found, geteuid().as_raw(), tls) {
        messages.say(&format!("connecting to {only}, your only VM with a free monitor"));
        return Ok(short_address(only, &found, tls));
    }
    let width = size_of(io::stderr()).map(|size| size.columns);
    let shown = if found.is_empty() { String::new() } else { format!("running here:\n\n{}\n", table(&found, width)) };
    let free = found.iter().find(|process| processes::resolve(&Wanted::Pid(process.pid), &found, tls).is_ok());
    let next = free.map_or_else(
        || HOW_TO_START.to_owned(),
        |process| format!("To connect to the first free one: qmpsh {}", short_address(process, &found, tls)),
    );
    messages.say(&format!("qmpsh: {NO_ADDRESS}\n\n{shown}{next}\n\nFor more information, try 'qmpsh --help'."));
    Err(Status::Usage)
}

/// Returns the QEMU of the user `uid` that has a free monitor, with or without TLS, if there is exactly one.
fn only_free(processes: &[QemuProcess], uid: u32, tls: bool) -> Option<&QemuProcess> {
    let is_free = |process: &&QemuProcess| processes::resolve(&Wanted::Pid(process.pid), processes, tls).is_ok();
    let is_own = |process: &&QemuProcess| process.uid == uid && process.access == Access::ByName;
    let mut found = processes.iter().filter(is_own).filter(is_free);
    found.next().filter(|_| found.next().is_none())
}

/// Returns the names of the VMs that `vm:NAME` reaches, with or without TLS, each with what it is.
pub(crate) fn names_of_free() -> Vec<(String, String)> {
    let found = processes::find().unwrap_or_default();
    let reached = |name: &OsString| {
        [false, true].iter().any(|tls| processes::resolve(&Wanted::Vm(name.clone()), &found, *tls).is_ok())
    };
    let named = found.iter().filter_map(|process| {
        let name = process.name.as_ref().filter(|name| reached(name))?;
        Some((name.clone().into_string().ok()?, format!("{} {}", process.program, process.pid)))
    });
    named.collect()
}

/// Returns `vm:NAME` if that reaches the process, which is then found again after it was restarted; otherwise `pid:N`.
fn short_address(process: &QemuProcess, processes: &[QemuProcess], tls: bool) -> Address {
    let by_name = |name: &OsString| {
        let found = processes::resolve(&Wanted::Vm(name.clone()), processes, tls);
        found.is_ok_and(|(found, _)| found.pid == process.pid)
    };
    match &process.name {
        Some(name) if by_name(name) => Address::Vm(name.clone()),
        _ => Address::Pid(process.pid),
    }
}

/// Prints the list.
pub(crate) fn run(listing: Listing) -> Status {
    let messages = Messages::new(ColorMode::Auto);
    let result = processes::find()
        .map_err(|error| {
            Failure::new(Status::NoSession, format!("cannot list the QEMU processes: {}", describe(&error)))
        })
        .and_then(|found| {
            if found.is_empty() {
                messages.say(&format!("no QEMU runs here\n{HOW_TO_START}"));
            }
            Ok(print(&found, listing.output)?)
        });
    match result {
        Ok(()) => Status::Success,
        Err(failure) => {
            messages.tell(&failure);
            failure.status
        }
    }
}

/// Returns the list in JSON. It reads files, and may block.
#[cfg(feature = "mcp")]
pub(crate) fn as_json() -> Result<String, String> {
    let found = processes::find().map_err(|error| format!("cannot list the QEMU processes: {}", describe(&error)))?;
    let json = json(&found).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&json).into_owned())
}

fn print(processes: &[QemuProcess], output: OutputMode) -> io::Result<()> {
    let out = if matches!(output, OutputMode::Auto | OutputMode::Table) {
        table(processes, size_of(io::stdout()).map(|size| size.columns)).into_bytes()
    } else {
        let mut json = json(processes)?;
        if io::stdout().is_terminal() {
            json = escape(&json).into_owned();
        }
        let mut out = Vec::new();
        match output {
            OutputMode::Pretty => Indenter::new().feed(&json, |_, text| out.extend_from_slice(text)),
            _ => out = json,
        }
        out.push(b'\n');
        out
    };
    write_all(stdout(), &out)
}

/// Returns aligned columns with a line for each monitor, or nothing without processes. Names are cut to fit the width of
/// the `terminal`.
fn table(processes: &[QemuProcess], terminal: Option<usize>) -> String {
    if processes.is_empty() {
        return String::new();
    }
    let mut rows = vec![["PID", "USER", "NAME", "MONITOR", "STATE"].map(str::to_owned)];
    for process in processes {
        let pid = process.pid.to_string();
        let user = text::line(&process.user).into_owned();
        let name = process.name.as_ref().map_or_else(|| "-".into(), |name| text::bytes(name.as_bytes()).into_owned());
        let by_name =
            processes.iter().filter(|other| other.name == process.name && other.access == Access::ByName).count();
        let is_found_by_name = process.name.is_none() || (process.access == Access::ByName && by_name == 1);
        let mut add = |monitor: String, state: String| {
            rows.push([pid.clone(), user.clone(), name.clone(), monitor, state]);
        };
        for monitor in &process.monitors {
            let mut state = state(process, monitor);
            let is_free_for_qmp = monitor.state == State::Free && monitor.language == Language::Qmp;
            if is_free_for_qmp && process.stopped.is_none() && !is_found_by_name {
                let _ = write!(state, ", as pid:{pid} only");
            }
            add(place(monitor), state);
        }
        if process.reads_config {
            add("-".to_owned(), NOT_READ.to_owned());
        } else if process.monitors.is_empty() {
            add("-".to_owned(), "no monitor".to_owned());
        }
    }
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0);
    let mut widths = [0, 1, 2, 3].map(widest);
    if let Some(terminal) = terminal {
        // Only names are cut: addresses are there to be copied.
        let others = widths[0] + widths[1] + widths[3] + widest(4) + 8;
        widths[2] = widths[2].min(terminal.saturating_sub(others).max(NAME_LEAST));
    }
    let mut text = String::new();
    for [pid, user, name, monitor, state] in &rows {
        let (pid, name) = (format!("{pid:>0$}", widths[0]), cut(name, widths[2]));
        text += &row([(&*pid, 0), (user, widths[1]), (&name, widths[2]), (monitor, widths[3]), (state, 0)]);
        text.push('\n');
    }
    match terminal {
        Some(terminal) => wrap(&text, terminal).into_owned(),
        None => text,
    }
}

/// The columns that a name keeps however narrow the terminal is.
const NAME_LEAST: usize = 16;
const NOT_READ: &str = "its -readconfig file may have more, which qmpsh does not read";

fn place(monitor: &Monitor) -> String {
    match &monitor.place {
        Place::At(address) => text::line(&address.to_string()).into_owned(),
        Place::DialsOut(address) => format!("to {}", text::line(&address.to_string())),
        Place::Other(what) => text::line(what).into_owned(),
    }
}

fn state(process: &QemuProcess, monitor: &Monitor) -> String {
    let mut text = match &monitor.state {
        State::Held(holder) if process.stopped.is_some() => format!("held by {holder}, stopped"),
        _ if process.stopped == Some(Stopped::Debugger) => "stopped by a debugger".to_owned(),
        _ if process.stopped.is_some() => "stopped".to_owned(),
        State::Free => "free".to_owned(),
        State::Held(holder) => format!("held by {holder}"),
        State::NotAccepting => "accepts no connection".to_owned(),
        State::Unlinked => "socket file was removed or replaced".to_owned(),
        State::NotListening => "not listening".to_owned(),
        State::NotConnected => "dials out, no answer".to_owned(),
        State::Unknown => "not known".to_owned(),
    };
    if monitor.language == Language::Hmp {
        text.push_str(", HMP");
    }
    if let Some(wrapper) = monitor.wrapper {
        let _ = write!(text, ", {wrapper}");
    }
    if let Some(virsh) = process.virsh().filter(|_| monitor.language == Language::Qmp) {
        let _ = write!(text, "; libvirt: {virsh}");
    }
    text
}

/// A process in JSON.
#[derive(Serialize)]
struct ProcessObject<'a> {
    pid: u32,
    program: &'a str,
    name: Option<Cow<'a, str>>,
    user: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
    monitors: Vec<MonitorObject>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    readconfig: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    virsh: Option<String>,
}

impl<'a> ProcessObject<'a> {
    fn new(process: &'a QemuProcess) -> Self {
        Self {
            pid: process.pid,
            program: &process.program,
            name: process.name.as_ref().map(|name| name.to_string_lossy()),
            user: &process.user,
            stopped: process.stopped.is_some(),
            monitors: process.monitors.iter().map(|monitor| MonitorObject::new(process, monitor)).collect(),
            readconfig: process.reads_config,
            virsh: process.virsh(),
        }
    }
}

/// The place of a monitor in JSON.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum PlaceMember {
    Address(String),
    DialsOut(String),
    Other(String),
}

/// A monitor in JSON.
#[derive(Serialize)]
struct MonitorObject {
    #[serde(flatten)]
    place: PlaceMember,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapper: Option<String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<HolderObject>,
}

/// The client that holds a monitor; empty if the system does not tell.
#[derive(Serialize, Default)]
struct HolderObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl MonitorObject {
    fn new(process: &QemuProcess, monitor: &Monitor) -> Self {
        let state = match &monitor.state {
            State::Free | State::NotAccepting if process.stopped.is_some() => "stopped",
            State::Free => "free",
            State::Held(_) => "held",
            State::NotAccepting => "not-accepting",
            State::Unlinked => "unlinked",
            State::NotListening => "not-listening",
            State::NotConnected => "not-connected",
            State::Unknown => "unknown",
        };
        let holder = match &monitor.state {
            State::Held(Holder::Process { pid, name }) => {
                Some(HolderObject { pid: Some(*pid), name: Some(name.clone()), address: None })
            }
            State::Held(Holder::Remote(address)) => {
                Some(HolderObject { address: Some(address.to_string()), ..HolderObject::default() })
            }
            State::Held(Holder::Hidden | Holder::Unknown) => Some(HolderObject::default()),
            _ => None,
        };
        MonitorObject {
            place: match &monitor.place {
                Place::At(address) => PlaceMember::Address(address.to_string()),
                Place::DialsOut(address) => PlaceMember::DialsOut(address.to_string()),
                Place::Other(what) => PlaceMember::Other(what.clone()),
            },
            protocol: match monitor.language {
                Language::Qmp => "qmp",
                Language::Hmp => "hmp",
            },
            wrapper: monitor.wrapper.map(str::to_ascii_lowercase),
            state,
            holder,
        }
    }
}

/// Returns an array of the processes.
fn json(processes: &[QemuProcess]) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&processes.iter().map(ProcessObject::new).collect::<Vec<_>>())
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
