//! The interactive shell without an address, on a machine of its own: a namespace in which no other process is seen.

use tempfile::TempDir;

use super::unique;
use crate::support::Program;
use crate::support::terminal::Terminal;
use crate::support::{QMPSH, temporary_directory};

/// A terminal in which QEMUs of these names run, and the shell without an address; and the directory of their sockets.
fn shell_beside(names: &[&str]) -> (Terminal, TempDir) {
    let directory = temporary_directory();
    let start = |(index, name): (usize, &&str)| {
        format!(
            "qemu-system-x86_64 -M none -nodefaults -display none -name {name} -qmp unix:{index},server=on,wait=off &\n\
             until test -S {index}; do sleep 0.01; done\n"
        )
    };
    let started = names.iter().enumerate().map(start).collect::<Vec<_>>().concat();
    let script = format!("cd {}\n{started}{QMPSH}; echo \"status $?\"; read line", directory.path().display());
    let namespace = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c"];
    let terminal = Program::new("unshare").args(namespace).arg(&script).terminal();
    (terminal, directory)
}

#[test]
fn a_shell_without_an_address_takes_the_only_vm() {
    let name = unique("only");
    let (mut terminal, _directory) = shell_beside(&[&name]);
    terminal.wait(|screen| screen.line() == format!("({name})"));
    let text = terminal.wait(|screen| screen.words().contains("Ctrl-D leaves")).words();
    assert!(text.starts_with(&format!("connecting to {name} (")), "{text}");
    assert!(text.contains("), your only VM with a free monitor "), "{text}");
    assert!(text.contains(&format!(" at vm:{name}; ")), "{text}");
    terminal.type_keys("query-name\r");
    terminal.wait(|screen| screen.text().contains(&format!("\"name\": \"{name}\"")));
}

#[test]
fn a_shell_without_an_address_lists_the_vms_if_there_is_none_or_a_choice() {
    let (terminal, _directory) = shell_beside(&[]);
    let text = terminal.wait(|screen| screen.text().contains("status 2")).text();
    assert!(text.contains("no address") && !text.contains("running here"), "{text}");
    let (terminal, _directory) = shell_beside(&["first", "second"]);
    let text = terminal.wait(|screen| screen.text().contains("status 2")).text();
    assert!(text.contains("no address") && text.contains(" first ") && text.contains(" second "), "{text}");
}
