//! Lines of the human monitor that fail: QEMU reports success, and only the text tells.

use std::net::TcpListener;

use crate::support::{Qemu, qmpsh, temporary_directory};

/// A PC with what the lines below need.
fn pc() -> Qemu {
    let args = [
        ["-netdev", "user,id=u0"],
        ["-audiodev", "none,id=a0"],
        ["-chardev", "ringbuf,id=rb"],
        ["-device", "pcie-root-port,id=rp0,chassis=1"],
        ["-blockdev", "driver=null-co,node-name=n0,read-zeroes=on"],
    ];
    Qemu::q35().args(["-S"]).args(args.concat()).start()
}

#[test]
fn a_line_that_fails_in_its_own_words_has_failed() {
    let qemu = pc();
    let lines = [
        "boot_set q",
        "calc_dirty_rate 0",
        // A disk replaced or committed by a script: the device is not there.
        "change nosuch /x.iso",
        "commit nosuch",
        "commit n0",
        "cpu 9",
        "device_add nosuch,help",
        // A disk added by a script that looks only at the reply.
        "drive_add 0 if=none,file=/nonexistent",
        "drive_add 0 if=none,format=nosuch,file=/dev/null",
        "drive_add 0 if=none,id=0bad,driver=null-co",
        "drive_add -n 0 driver=null-co,node-name=n0",
        "drive_add 0 if=ide,driver=null-co",
        "drive_del nosuch",
        "gdbserver nosuch",
        "gpa2hpa 0xffffffffffff",
        "gpa2hva 0xb0000000",
        // A forwarded port that is taken, or given for a netdev that is not there.
        "hostfwd_add u0 nonsense",
        "hostfwd_add u0 tcp:203.0.113.1:22-:22",
        "hostfwd_add net0 tcp::2222-:22",
        "hostfwd_remove u0 tcp::1",
        "hostfwd_remove u0 nonsense",
        "info lapic 99",
        "info qom-tree /nosuch",
        "info registers 99",
        "info sgx",
        "info snapshots",
        "info stats nosuch",
        "info trace-events nosuch",
        "info via",
        "log nosuch",
        "logfile %d%d",
        "mce 0 99 0 0 0 0",
        "mouse_set 99",
        "one-insn-per-tb nosuch",
        "pcie_aer_inject_error nosuch 1",
        "pcie_aer_inject_error rp0 nosuch",
        "replay_break 1",
        "replay_delete_break",
        "replay_seek 1",
        "ringbuf_read nosuch 1",
        "ringbuf_read rb x",
        "savevm a",
        // The names of keys are QEMU's: `a`, and `delete`.
        "sendkey A",
        "sendkey ctrl-alt-del",
        "set_link nosuch on",
        "singlestep nosuch",
        "trace-event nosuch on",
        "wavcapture /nonexistent/x.wav a0",
        "wavcapture /dev/null nosuch",
        "x /4bx 0xffffffffffffff00",
        "xp /4bx 0xfffffffffffffff0",
        // A disk that was never `drive_backup`'s.
        "drive_backup nosuch /x",
        "snapshot_blkdev nosuch",
        "nosuch",
    ];
    let output = qmpsh().arg("-H").arg(qemu.socket()).arg("-k").stdin(lines.join("\n")).run();
    output.status(1);
    for (number, line) in (1..).zip(lines) {
        let place = format!("stdin:{number}: ");
        assert!(output.stderr_text().contains(&place), "{line}: {output}");
    }
    output.stdout("");
}

#[test]
fn a_line_that_prints_on_success_has_succeeded() {
    let qemu = pc();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let forward = format!("hostfwd_add u0 tcp:127.0.0.1:{port}-:22");
    let forwarded = format!("hostfwd_remove u0 tcp:127.0.0.1:{port}");
    let capture = format!("wavcapture {} a0", qemu.file("x.wav").display());
    let lines = [
        "boot_set c",
        "calc_dirty_rate 1",
        "cpu 0",
        "device_add virtio-net-pci,help",
        "drive_add 0 if=none,id=d1,driver=null-co",
        "drive_del d1",
        "drive_add 0 if=none,format=?",
        "drive_add -n 0 driver=null-co,node-name=n1",
        "gdbserver tcp:127.0.0.1:0",
        "gdbserver none",
        "gpa2hpa 0x1000",
        &forward,
        &forwarded,
        "info registers",
        "info replay",
        "info usernet",
        "log help",
        "log none",
        "pcie_aer_inject_error rp0 DLP",
        "ringbuf_write rb Error:guest",
        "sendkey ctrl-alt-f1",
        "trace-event qmp_job_cancel off",
        &capture,
        "stopcapture 0",
        "x /4bx 0",
        "xp /4bx 0",
    ];
    let output = qmpsh().arg("-H").arg(qemu.socket()).stdin(lines.join("\n")).run();
    output.stderr("").status(0).stdout_contains("OK\n").stdout_contains("removed\n");
    // What a guest says is no failure of the monitor.
    let read = qmpsh().arg(qemu.socket()).args([".hmp", "ringbuf_read", "rb", "100"]).run();
    read.status(0).stderr("").stdout_contains("Error:guest");
}

/// VNC without `password=on`: 7.2 and 10.0 advise first, 11.1 advises last.
#[test]
fn a_failure_after_advice_is_a_failure() {
    let directory = temporary_directory();
    let display = format!("unix:{}", directory.path().join("vnc.sock").display());
    let qemu = Qemu::none().args(["-vnc", &display]).start();
    for line in ["change vnc password x", "set_password vnc x"] {
        let hmp = qmpsh().arg(qemu.socket()).args(["-c", &format!(".hmp {line}")]).run();
        hmp.status(1).stdout("").stderr_contains("Error: ");
        let words = qmpsh().arg("-H").arg(qemu.socket()).args(line.split(' ')).run();
        words.status(1).stdout("").stderr_contains("Error: ");
    }
}

#[test]
fn raw_output_has_one_form() {
    let qemu = Qemu::none().start();
    let run = |line: &str| qmpsh().args(["-o", "raw"]).arg(qemu.socket()).args(["-c", line]).run();
    run(".jobs").status(0).stdout("{\"return\": []}\n");
    run(".commands query-name").status(0).stdout_contains("{\"return\": [{\"name\":\"query-name\"");
    run("query-name").status(0).stdout("{\"return\": {}}\n");
}
