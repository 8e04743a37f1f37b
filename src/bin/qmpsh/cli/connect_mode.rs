//! The subcommands and addresses, and the way to the peer that each means.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::{Exit, usage, words};
use qmpsh::address::Address;

/// The way to the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConnectMode {
    /// Connect to it.
    Connect(Address),
    /// Wait for it to connect.
    Listen {
        address: Address,
        /// The mode of the Unix socket, if it is not the default one.
        socket_mode: Option<u32>,
    },
    /// Use an inherited socket: this descriptor, or the one that the service manager passed (`LISTEN_FDS`).
    Fd(Option<u32>),
    /// Start it.
    Run {
        /// QEMU's command line: the program, which is not empty, and its arguments.
        command: Vec<OsString>,
        /// Where to make a second monitor.
        monitor: Option<PathBuf>,
    },
}

/// The word before the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subcommand {
    /// `connect`, or none.
    Connect,
    Listen,
    Fd,
    Run,
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
            Some(next) => args[next] = address_of(&args[next]),
            None => args.insert(index, "fd:".into()),
        }
    }
    subcommand
}

/// Reads `run`, with the command line of QEMU.
pub(super) fn run(program: Option<&OsStr>, args: &[&OsStr], own: SubcommandOptions) -> Result<ConnectMode, Exit> {
    let Some(program) = program.filter(|program| !program.is_empty()) else {
        return Err(usage("`run` needs the command line of QEMU, as in `qmpsh run qemu-system-x86_64 -M q35`"));
    };
    if own.socket_mode.is_some() {
        return Err(usage(NOT_LISTENING));
    }
    let command = std::iter::once(program).chain(args.iter().copied()).map(OsStr::to_owned).collect();
    Ok(ConnectMode::Run { command, monitor: own.monitor })
}

/// The options that belong to one subcommand.
pub(super) struct SubcommandOptions {
    pub(super) socket_mode: Option<u32>,
    pub(super) monitor: Option<PathBuf>,
}

const NOT_LISTENING: &str = "--socket-mode works only with `qmpsh listen`";

/// Reads every subcommand but `run`, with its address.
pub(super) fn parse(subcommand: Subcommand, address: &OsStr, own: &SubcommandOptions) -> Result<ConnectMode, Exit> {
    let socket_mode = own.socket_mode;
    if own.monitor.is_some() {
        return Err(usage("--monitor works only with `qmpsh run`"));
    }
    let mode = match (subcommand, descriptor(address)) {
        (Subcommand::Listen, Some(_)) => {
            let shown = address.to_string_lossy();
            return Err(usage(format_args!(
                "cannot listen at `{}` (for an inherited listening socket, use `qmpsh fd N`)",
                shown.escape_debug()
            )));
        }
        (Subcommand::Fd, Some("")) => ConnectMode::Fd(None),
        (_, Some(number)) => {
            ConnectMode::Fd(Some(number.parse().ok().filter(|_| is_number(number.as_ref())).ok_or_else(|| {
                usage(format_args!("`fd:{}` is not a descriptor: give its number", number.escape_debug()))
            })?))
        }
        (Subcommand::Listen, None) => {
            let address = Address::parse(address).map_err(usage)?;
            let why = match address {
                Address::Vm(_) | Address::Pid(_) => Some("it names a running QEMU"),
                Address::Exec(_) => Some("qmpsh starts the command; it does not connect"),
                Address::Ssh(_) => Some("ssh connects to existing sockets"),
                _ => None,
            };
            if let Some(why) = why {
                let shown = address.to_string();
                return Err(usage(format_args!("cannot listen at `{}`: {why}", shown.escape_debug())));
            }
            if socket_mode.is_some() && !matches!(address, Address::Unix(_)) {
                return Err(usage(format_args!("--socket-mode: {address} has no socket file")));
            }
            return Ok(ConnectMode::Listen { address, socket_mode });
        }
        (_, None) => ConnectMode::Connect(Address::parse(address).map_err(usage)?),
    };
    if socket_mode.is_some() {
        return Err(usage(NOT_LISTENING));
    }
    Ok(mode)
}

/// Returns the text after `fd:`.
fn descriptor(address: &OsStr) -> Option<&str> {
    address.to_str()?.strip_prefix("fd:")
}

fn is_number(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()))
}

fn address_of(number: &OsStr) -> OsString {
    let mut address = OsString::from("fd:");
    address.push(number);
    address
}
