//! The programs of examples/, on a real QEMU.

use std::path::Path;

use crate::support::agent::Agent;
use crate::support::program::Program;
use crate::support::{QMPSH, Qemu, temporary_directory};

fn example(name: &str) -> Program {
    let program = Path::new(QMPSH).with_file_name("examples").join(name);
    assert!(program.exists(), "{} is not built; `cargo test` without --test builds it", program.display());
    Program::new(program)
}

#[test]
fn execute_runs_commands_at_once() {
    let qemu = Qemu::none().start();
    let said = "\"running\"\nmore than one type of CPU: true, of bus: true\n";
    example("execute").arg(qemu.socket()).run().status(0).stderr("").stdout(said);
}

#[test]
fn events_are_shown_until_qemu_ends() {
    let qemu = Qemu::none().second_monitor().start();
    let mut events = example("events").arg(qemu.socket()).start();
    assert_eq!(events.read_line(), "connected");
    let mut second = qemu.second_client();
    for command in ["stop", "query-status", "cont"] {
        second.execute(&format!(r#"{{"execute":"{command}"}}"#));
    }
    assert_eq!([events.read_line(), events.read_line()], ["STOP {}", "RESUME {}"]);
    second.execute(r#"{"execute":"quit"}"#);
    assert!(events.read_line().starts_with(r#"SHUTDOWN {"guest":false,"reason":"host-qmp-quit"}"#));
    assert_eq!(events.read_line(), "ended");
}

#[test]
fn a_backup_shows_its_progress() {
    let disks = ["driver=null-co,node-name=disk,size=65536", "driver=null-co,node-name=target,size=65536"];
    let qemu = Qemu::none().args(disks.iter().flat_map(|disk| ["-blockdev", disk])).start();
    let run = example("backup").arg(qemu.socket()).args(["disk", "target"]).run();
    run.status(0).stdout_contains("65536 of 65536 bytes\ndone\n");
    let run = example("backup").arg(qemu.socket()).args(["none", "target"]).run();
    run.status(1).stderr_contains("GenericError");
}

#[test]
fn qemu_dials_in() {
    let directory = temporary_directory();
    let socket = directory.path().join("l.sock");
    let mut listen = example("listen").arg(&socket).start();
    assert!(listen.read_line().starts_with("listening on "));
    let monitor = format!("unix:{}", socket.display());
    let qemu = ["-M", "none", "-nodefaults", "-display", "none", "-qmp", &monitor];
    let qemu = Program::new("qemu-system-x86_64").args(qemu).start();
    assert!(listen.read_line().starts_with("QEMU "));
    assert!(listen.read_line().contains(r#""status":"running""#));
    assert_eq!(listen.wait().code(), Some(0));
    assert_eq!(qemu.wait().code(), Some(0));
}

#[test]
fn a_program_runs_in_the_guest() {
    let agent = Agent::start();
    let run = example("guest_agent").arg(agent.socket()).args(["sh", "-c", "echo out; echo err >&2; exit 3"]).run();
    run.status(0).stdout("out\nExited(3)\n").stderr("err\n");
}

#[test]
fn another_protocol_runs_on_the_engine() {
    let directory = temporary_directory();
    let socket = directory.path().join("gdb.sock");
    let gdb = format!("unix:{},server=on,wait=off", socket.display());
    let _qemu = Qemu::q35().args(["-S", "-gdb", &gdb]).start();
    let run = example("gdb").arg(&socket).args(["qSupported", "?"]).run();
    let said = run.status(0).stderr("").stdout_text();
    let said: Vec<&str> = said.lines().collect();
    assert!(said.len() == 2 && said[0].starts_with("PacketSize=") && said[1].starts_with("T05"), "{said:?}");
}
