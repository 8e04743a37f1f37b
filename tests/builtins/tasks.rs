//! `.help tasks`: each line that it shows works on a real QEMU.

use std::fs;

use super::lines;
use crate::support::{Qemu, sh};

/// A VM with room for all that the tasks add, and the files that they take.
fn vm() -> Qemu {
    let qemu = Qemu::q35()
        .args(["-m", "64M,slots=4,maxmem=1G", "-smp", "1,maxcpus=2", "-device", "VGA", "-S"])
        .args(["-vnc", "unix:vnc.sock,password=on", "-device", "ide-cd,id=cd0"])
        .args(["-device", "pcie-root-port,id=p1,chassis=1", "-device", "pcie-root-port,id=p2,chassis=2"])
        .start();
    let images = "qemu-img create -q -f qcow2 data.qcow2 64M && truncate -s 1M cd.iso";
    sh(&format!("cd \"$1\" && {images}")).arg(qemu.file(".")).run().status(0);
    qemu
}

/// The tasks, each a title and its lines.
fn tasks(text: &str) -> Vec<(&str, Vec<String>)> {
    let mut tasks: Vec<(&str, Vec<String>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("    "), line.strip_prefix("  ")) {
            (Some(about), _) if about.starts_with("  ") => {}
            (Some(rest), _) => tasks.last_mut().unwrap().1.last_mut().unwrap().extend([" ", rest]),
            (None, Some(line)) => tasks.last_mut().unwrap().1.push(line.to_owned()),
            (None, None) if line.is_empty() => {}
            (None, None) => tasks.push((line, Vec::new())),
        }
    }
    tasks
}

#[test]
fn each_line_of_the_tasks_works() {
    let qemu = vm();
    let shown = lines(&qemu.socket(), &[".help tasks"]).run();
    let text = shown.status(0).stdout_text();
    let mut tasks = tasks(&text);
    assert!(tasks.len() > 10, "{text}");
    // What was added is used, then removed, then the VM ends.
    tasks.sort_by_key(|(title, _)| {
        let last = ["Remove", "Save", "Shut down"].iter().position(|begin| title.starts_with(begin));
        (!title.starts_with("Add"), last.map_or(0, |at| at + 1))
    });
    let directory = qemu.file("").display().to_string();
    let mut script = String::new();
    for line in tasks.iter().flat_map(|(_, lines)| lines) {
        // It takes a second QEMU; the tests of `.migration` have that.
        if line.contains(":4444") {
            continue;
        }
        let bus = if line.contains("net-pci") { "bus=p2" } else { "bus=p1" };
        let line = line.replace("/vm/", &directory).replace("password=@?", "password=x");
        let line = line.replace("bus=rp1", bus).replace("size=20G", "size=65M");
        script.push_str(&line);
        script.push('\n');
        if line.starts_with("device_del") {
            // No guest runs that gives a device up, and a reset does not ask one.
            script.push_str("system_reset\n");
        }
    }
    let file = qemu.file("tasks");
    fs::write(&file, &script).unwrap();
    let done = crate::support::qmpsh().arg(qemu.socket()).arg("-f").arg(&file).run();
    done.status(0);
}

#[test]
fn a_word_shows_how_to_do_what_it_stands_for() {
    let qemu = Qemu::none().start();
    let check = |word: &str, first: &str| {
        let help = lines(&qemu.socket(), &[&format!(".help {word}")]).run();
        let text = help.status(0).stdout_text();
        assert!(text.starts_with(first), "{word}: {text}");
    };
    check("disk", "Add a disk:");
    check("Disks", "Add a disk:");
    check("resize", "Resize a disk:");
    check("snapshot", "Take an external snapshot of a disk (the disk goes on in a new file):");
    check("backup", "Back up a disk:");
    check("mirror", "Mirror a disk to a new file, and go on there:");
    check("incoming", "Migrate to another QEMU:");
    check("cpu", "Add a CPU:");
    check("nic", "Add a network card:");
    check("memory", "Add memory:");
    check("vnc", "Set the VNC password:");
    // A name is described; below a built-in command stands what it is for.
    check("stop", "stop (command)");
    check("migration", ".migration [timeout=S]");
    let help = lines(&qemu.socket(), &[".help migration"]).run();
    help.stdout_contains("\nMigrate to another QEMU:\n");
}

#[test]
fn a_peer_is_shown_only_the_tasks_that_it_has_the_commands_for() {
    let daemon = Qemu::storage_daemon().start();
    let help = lines(&daemon.socket(), &[".help tasks"]).run();
    let text = help.status(0).stdout_text();
    assert!(text.contains("Back up a disk:") && !text.contains("device_add"), "{text}");
}
