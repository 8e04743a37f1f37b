//! The subcommands and addresses, and the way to the peer that each means.

use std::ffi::{OsStr, OsString};

use super::definition::Options;
use super::exit::{Exit, usage};
use super::words;
use qmpsh::address::Address;

/// The way to the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConnectMode {
    /// Connect to it.
    Connect(Address),
    /// Wait for it to connect.
    Listen(Address),
    /// Use an inherited socket: this descriptor, or the one that the service manager passed (`LISTEN_FDS`).
    Fd(Option<u32>),
    /// Start it, with this command line: the program, which is not empty, and its arguments.
    Run(Vec<OsString>),
}

/// The word before the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subcommand {
    /// `connect`, or none.
    Connect,
    Listen,
    Fd,
    Run,
    Share,
    Mcp,
    /// It takes no address, so its word stays in the arguments.
    List,
}

/// Takes the subcommand out of the arguments, so that clap sees `[OPTIONS] ADDRESS [OPTIONS] [COMMAND...]`.
///
/// `fd N` becomes the address `fd:N`, and `fd` alone `fd:`. After `run`, the first word ends the options: it is QEMU's
/// name, in the place of the address.
pub(super) fn rewrite(command: &clap::Command, args: &mut Vec<OsString>) -> Subcommand {
    let Some(index) = words::first(command, args) else { return Subcommand::Connect };
    let subcommand = match args[index].to_str() {
        Some("connect") => Subcommand::Connect,
        Some("listen") => Subcommand::Listen,
        Some("fd") => Subcommand::Fd,
        Some("run") => Subcommand::Run,
        Some("share") => Subcommand::Share,
        Some("mcp") => Subcommand::Mcp,
        Some("list") => return Subcommand::List,
        _ => return Subcommand::Connect,
    };
    args.remove(index);
    if subcommand == Subcommand::Run
        && let Some(program) = words::first(command, args)
    {
        args.insert(program, "--".into());
    }
    if subcommand == Subcommand::Fd {
        let number = words::first(command, args).filter(|&next| next >= index && is_number(&args[next]));
        match number {
            Some(next) => args[next] = format!("fd:{}", args[next].to_string_lossy()).into(),
            None => args.insert(index, "fd:".into()),
        }
    }
    subcommand
}

/// Reads `run`, with the command line of QEMU.
pub(super) fn run(program: Option<OsString>, args: Vec<OsString>) -> Result<ConnectMode, Exit> {
    let Some(program) = program.filter(|program| !program.is_empty()) else {
        return Err(usage("`run` needs the command line of QEMU, as in `qmpsh run qemu-system-x86_64 -M q35`"));
    };
    Ok(ConnectMode::Run(std::iter::once(program).chain(args).collect()))
}

/// Reads every subcommand but `run`, with its address.
pub(super) fn parse(subcommand: Subcommand, address: &OsStr) -> Result<ConnectMode, Exit> {
    match (subcommand, descriptor(address)) {
        (Subcommand::Listen, Some(_)) => {
            let shown = address.to_string_lossy();
            Err(usage(format_args!(
                "cannot listen at `{}` (for an inherited listening socket, use `qmpsh fd N`)",
                shown.escape_debug()
            )))
        }
        (Subcommand::Fd, Some("")) => Ok(ConnectMode::Fd(None)),
        (_, Some(number)) => match number.parse().ok().filter(|_| is_number(number.as_ref())) {
            Some(descriptor) => Ok(ConnectMode::Fd(Some(descriptor))),
            None => Err(usage(format_args!("`fd:{}` is not a descriptor: give its number", number.escape_debug()))),
        },
        (Subcommand::Listen, None) => {
            let address = Address::parse(address).map_err(usage)?;
            let why = match address {
                Address::Vm(_) | Address::Pid(_) => "it names a running QEMU",
                Address::Exec(_) => "qmpsh starts the command; it does not connect",
                Address::Ssh(_) => "ssh connects to existing sockets",
                _ => return Ok(ConnectMode::Listen(address)),
            };
            let shown = address.to_string();
            Err(usage(format_args!("cannot listen at `{}`: {why}", shown.escape_debug())))
        }
        (_, None) => match address.to_str().and_then(|address| address.strip_prefix("listen:")) {
            // A host may have that name.
            Some(rest) if rest.parse::<u16>().is_err() => Err(usage(format_args!(
                "only `qmpsh share` takes `listen:ADDRESS`; write `qmpsh listen {}`",
                rest.escape_debug()
            ))),
            _ => Ok(ConnectMode::Connect(Address::parse(address).map_err(usage)?)),
        },
    }
}

/// Checks the options that do not go with every mode.
pub(super) fn check(mode: &ConnectMode, options: &Options) -> Result<(), String> {
    if options.monitor.is_some() && !matches!(mode, ConnectMode::Run(_)) {
        return Err("--monitor works only with `qmpsh run`".to_owned());
    }
    if options.socket_mode.is_some() {
        match mode {
            ConnectMode::Listen(Address::Unix(_)) => {}
            ConnectMode::Listen(address) => return Err(format!("--socket-mode: {address} has no socket file")),
            _ => return Err("--socket-mode works only with `qmpsh listen`".to_owned()),
        }
    }
    let why = match (mode, &options.tls_creds, &options.tls_hostname) {
        (_, None, Some(_)) => "--tls-hostname needs TLS (--tls-creds DIR)",
        (_, None, None) => return Ok(()),
        (ConnectMode::Run(_), ..) => "--tls-creds does not work with `run`, whose socket is private",
        (ConnectMode::Listen(_), _, Some(_)) => {
            "--tls-hostname does not work with `listen`, which checks clients by the CA in ca-cert.pem"
        }
        (ConnectMode::Connect(address), _, None) => match no_host_name(address) {
            Some(why) => return Err(format!("--tls-creds: {why}; use --tls-hostname NAME")),
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    Err(why.to_owned())
}

/// Says why TLS cannot take the name of the server from an address.
pub(crate) fn no_host_name(address: &Address) -> Option<&'static str> {
    match address {
        Address::Unix(_) | Address::Abstract { .. } => {
            Some("a Unix socket has no host name to check the certificate against")
        }
        Address::Exec(_) | Address::Ssh(_) => Some("exec: and ssh: have no host name to check the certificate against"),
        _ => None,
    }
}

/// Returns the text after `fd:`.
fn descriptor(address: &OsStr) -> Option<&str> {
    address.to_str()?.strip_prefix("fd:")
}

fn is_number(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()))
}
