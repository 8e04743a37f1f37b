//! Which argument is the first word.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// The index of the first argument that is neither an option nor an option's value, the program's name not counted.
///
/// It may be a subcommand. clap's own subcommands do not fit the grammar: they would be found after the address too,
/// and could not share their options with the place before them. After `--` no word is a subcommand: `None`.
pub(super) fn first(command: &clap::Command, args: &[OsString]) -> Option<usize> {
    let mut rest = args.iter().enumerate().skip(1);
    while let Some((index, arg)) = rest.next() {
        let value_is_next = match arg.as_bytes() {
            b"--" => return None,
            [b'-', b'-', long @ ..] => {
                takes_value(command, |arg| arg.get_long().is_some_and(|name| name.as_bytes() == long))
            }
            // In `-pc LINE` the last of the flags has its value next, in `-pcLINE` it has it already.
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
