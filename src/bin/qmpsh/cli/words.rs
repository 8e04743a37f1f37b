//! Finds the first word among the arguments.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Returns the index of the first argument that is neither an option nor an option's value, after the program's name.
///
/// It may be a subcommand. clap's own subcommands do not fit the grammar: clap would find them after the address too,
/// and they could not share their options with the place before them. After `--` no word is a subcommand: `None`.
pub(super) fn first(command: &clap::Command, args: &[OsString]) -> Option<usize> {
    let mut rest = args.iter().enumerate().skip(1);
    while let Some((index, arg)) = rest.next() {
        let value_is_next = match arg.as_bytes() {
            b"--" => return None,
            [b'-', b'-', long @ ..] => {
                takes_value(command, |arg| arg.get_long().is_some_and(|name| name.as_bytes() == long))
            }
            // In `-pc LINE` the value of the last flag is the next argument. In `-pcLINE` it is in this one.
            [b'-', flags @ ..] if !flags.is_empty() => {
                let with_value = flags
                    .iter()
                    .position(|&flag| takes_value(command, |arg| arg.get_short() == Some(char::from(flag))));
                with_value == Some(flags.len() - 1)
            }
            _ => return Some(index),
        };
        if value_is_next {
            rest.next();
        }
    }
    None
}

fn takes_value(command: &clap::Command, is_meant: impl Fn(&clap::Arg) -> bool) -> bool {
    command.get_arguments().any(|arg| is_meant(arg) && arg.get_action().takes_values())
}
