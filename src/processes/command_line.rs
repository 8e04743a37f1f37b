//! Finds a QEMU's name and its monitors in its command line.
//!
//! It does not know all of QEMU's options, so it looks at each word. The value of an unknown option counts as an option
//! if it looks like a known one.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::option::{OptionValue, lossy};
use super::process::{Language, TLS};

/// A QEMU's name and monitors.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct CommandLine {
    /// `-name`.
    pub(super) name: Option<OsString>,
    /// Its monitors, in the order of the command line.
    pub(super) monitors: Vec<Spec>,
    /// True if `-readconfig` is given: there may be more monitors.
    pub(super) reads_config: bool,
}

/// A monitor as the command line describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    /// The id of its chardev, if it has one.
    pub(super) id: Option<Vec<u8>>,
    pub(super) language: Language,
    pub(super) backend: Backend,
    /// True if QEMU listens; otherwise it connects.
    pub(super) server: bool,
    /// The protocol that a client must speak first: `TLS`, `telnet`, `websocket`.
    pub(super) wrapper: Option<&'static str>,
}

/// Where a monitor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Backend {
    /// A path, perhaps relative.
    Unix(Vec<u8>),
    /// A name in the abstract namespace.
    Abstract { name: Vec<u8>, tight: bool },
    /// A port from `port` to `to`; 0 if the system chooses one.
    Tcp { host: String, port: u16, to: u16 },
    /// A descriptor that QEMU inherited.
    Fd(u32),
    /// Something without an address: `stdio`, `pty`, …
    Other(String),
}

/// Returns true if this is QEMU's program: a system emulator or the storage daemon.
pub(super) fn is_qemu(program: &[u8]) -> bool {
    let name = base_name(program);
    name.starts_with(b"qemu-system-") || matches!(name, b"qemu-kvm" | b"kvm") || is_storage_daemon(name)
}

fn is_storage_daemon(name: &[u8]) -> bool {
    name == b"qemu-storage-daemon"
}

/// Returns the name without the directories, and without a package manager's dot (`.qemu-system-x86_64-wrapped`).
pub(super) fn base_name(program: &[u8]) -> &[u8] {
    let name = program.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
    name.strip_prefix(b".").unwrap_or(name)
}

/// Reads a command line: words ended by NULs, as `/proc/PID/cmdline` has them.
pub(super) fn read(command_line: &[u8], program: &[u8]) -> CommandLine {
    let daemon = is_storage_daemon(base_name(program));
    let options = options(command_line, daemon);
    // The chardev of a monitor may follow it.
    let chardevs = options.iter().filter(|(option, _)| *option == b"chardev");
    let chardevs: Vec<_> = chardevs.map(|(_, value)| OptionValue::parse(value, "backend")).collect();
    let mut found = CommandLine::default();
    for (option, value) in options {
        let monitor = match option {
            b"name" => {
                let name = OptionValue::parse(value, "guest");
                found.name = name.get("guest").map(|name| OsString::from_vec(name.to_vec())).or(found.name);
                None
            }
            b"chardev" => None,
            b"readconfig" => {
                found.reads_config = true;
                None
            }
            b"monitor" if daemon => Some(on_mode(&OptionValue::parse(value, "chardev"), Language::Qmp, &chardevs)),
            b"mon" => Some(on_mode(&OptionValue::parse(value, "chardev"), Language::Hmp, &chardevs)),
            b"object" => object(&OptionValue::parse(value, "qom-type"), &chardevs),
            b"monitor" => device(value, Language::Hmp, &chardevs),
            _ => device(value, Language::Qmp, &chardevs),
        };
        found.monitors.extend(monitor);
    }
    found
}

/// Returns the options that matter, each with its value.
fn options(command_line: &[u8], daemon: bool) -> Vec<(&[u8], &[u8])> {
    const KNOWN: [&[u8]; 8] =
        [b"name", b"qmp", b"qmp-pretty", b"monitor", b"mon", b"object", b"chardev", b"readconfig"];
    let mut options = Vec::new();
    let mut words = command_line.strip_suffix(b"\0").unwrap_or(command_line).split(|&byte| byte == 0).skip(1);
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix(b"-") else { continue };
        let option = option.strip_prefix(b"-").unwrap_or(option);
        let (option, attached) = match option.iter().position(|&byte| byte == b'=').filter(|_| daemon) {
            Some(at) => (&option[..at], Some(&option[at + 1..])),
            None => (option, None),
        };
        if KNOWN.contains(&option) {
            options.extend(attached.or_else(|| words.next()).map(|value| (option, value)));
        }
    }
    options
}

/// Reads a monitor whose `mode` says what it speaks; without it, that is `default`.
fn on_mode(options: &OptionValue, default: Language, chardevs: &[OptionValue]) -> Spec {
    let language = match options.get("mode") {
        Some(b"control") => Language::Qmp,
        None => default,
        Some(_) => Language::Hmp,
    };
    on_chardev(options.get("chardev").unwrap_or_default(), language, chardevs)
}

/// Reads an object, which may be a monitor since QEMU 11.1 (docs/qmp.md, "Versions").
fn object(options: &OptionValue, chardevs: &[OptionValue]) -> Option<Spec> {
    let language = match options.get("qom-type")? {
        b"monitor-qmp" => Language::Qmp,
        b"monitor-hmp" => Language::Hmp,
        _ => return None,
    };
    Some(on_chardev(options.get("chardev").unwrap_or_default(), language, chardevs))
}

/// Returns the monitor on the chardev of this id.
fn on_chardev(id: &[u8], language: Language, chardevs: &[OptionValue]) -> Spec {
    let chardev = chardevs.iter().find(|chardev| chardev.get("id") == Some(id));
    let spec = match chardev {
        Some(chardev) if chardev.get("backend") == Some(b"socket") => socket(chardev, language),
        Some(chardev) => plain(chardev.get("backend").unwrap_or_default(), language),
        None => plain(b"a chardev that the command line does not name", language),
    };
    Spec { id: Some(id.to_vec()), ..spec }
}

/// Reads what follows `-qmp` and `-monitor`: `chardev:ID`, `unix:PATH,server=on`, `tcp:HOST:PORT,server`, `stdio`; `None`
/// for `none`.
fn device(text: &[u8], language: Language, chardevs: &[OptionValue]) -> Option<Spec> {
    if let Some(id) = text.strip_prefix(b"chardev:") {
        return Some(on_chardev(id, language, chardevs));
    }
    if text == b"none" {
        return None;
    }
    let text = text.strip_prefix(b"mon:").unwrap_or(text);
    let Some(at) = text.iter().position(|&byte| byte == b':') else { return Some(plain(text, language)) };
    let rest = &text[at + 1..];
    Some(match &text[..at] {
        b"unix" => socket(&OptionValue::parse(rest, "path"), language),
        kind @ (b"tcp" | b"telnet" | b"tn3270" | b"websocket") => {
            let options = OptionValue::parse(rest, "address");
            let address = lossy(options.get("address").unwrap_or_default()).into_owned();
            let (host, port) = address.rsplit_once(':').unwrap_or(("", &address));
            let mut spec = socket(&options, language);
            let to = options.number("to");
            spec.backend = tcp(host.trim_start_matches('[').trim_end_matches(']'), port, to);
            match kind {
                b"telnet" | b"tn3270" => spec.wrapper = Some("telnet"),
                b"websocket" => spec.wrapper = Some("websocket"),
                _ => {}
            }
            spec
        }
        _ => plain(text, language),
    })
}

/// Reads `-chardev socket,…`.
fn socket(options: &OptionValue, language: Language) -> Spec {
    let backend = if let Some(number) = options.get("fd") {
        match options.number("fd") {
            Some(number) => Backend::Fd(number),
            None => Backend::Other(format!("descriptor {}", lossy(number))),
        }
    } else if let Some(path) = options.get("path") {
        if options.is_on("abstract") {
            Backend::Abstract { name: path.to_vec(), tight: !options.is_off("tight") }
        } else {
            Backend::Unix(path.to_vec())
        }
    } else {
        let text = |key| lossy(options.get(key).unwrap_or_default()).into_owned();
        tcp(&text("host"), &text("port"), options.number("to"))
    };
    let wrapper = match options {
        _ if options.get("tls-creds").is_some() => Some(TLS),
        _ if options.is_on("telnet") || options.is_on("tn3270") => Some("telnet"),
        _ if options.is_on("websocket") => Some("websocket"),
        _ => None,
    };
    Spec { id: None, language, backend, server: options.is_on("server"), wrapper }
}

fn tcp(host: &str, port: &str, to: Option<u16>) -> Backend {
    match port.parse() {
        Ok(port) => Backend::Tcp { host: host.to_owned(), port, to: to.unwrap_or(port).max(port) },
        Err(_) => Backend::Other(format!("port {port} of {host}")),
    }
}

/// Returns a monitor on a chardev that is not a socket.
fn plain(text: &[u8], language: Language) -> Spec {
    let name = text.split(|byte| matches!(byte, b',' | b':')).next().unwrap_or_default();
    Spec { id: None, language, backend: Backend::Other(lossy(name).into_owned()), server: false, wrapper: None }
}

#[cfg(test)]
#[path = "command_line_tests.rs"]
mod tests;
