//! What the system around qmpsh may do: kill it, close or fill its output, ignore signals, lock or replace its files.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::Signal;

use crate::support::program::{Process, peak_memory};
use crate::support::terminal::keys;
use crate::support::{DEADLINE, Mock, Program, QMPSH, Qemu, poll_until, qmpsh, sh, temporary_directory, text_of};

const QEMU: &str = "qemu-system-x86_64 -M none -nodefaults -display none";

/// The processes whose command line has this text.
fn running(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(mark)).collect()
}

#[track_caller]
fn is_gone(mark: &str) {
    let gone = poll_until(DEADLINE, || running(mark).is_empty().then_some(()));
    assert!(gone.is_some(), "still there: {:?}", running(mark));
}

/// A text that no other process has in its command line.
fn unique(name: &str) -> String {
    format!("{name}-{}-", std::process::id())
}

/// Waits until a file of the program exists.
#[track_caller]
fn wait_for_file(path: &Path) {
    poll_until(DEADLINE, || path.exists().then_some(())).expect("the file");
}

/// `kill -9`, and nothing else: what it started is not killed with it.
fn kill(process: &Process) {
    process.signal(Signal::KILL);
}

// A test runner, an IDE or the kernel kills the shell that started a VM, and the VM keeps its image locked.
#[test]
fn a_killed_shell_ends_the_qemu_that_it_started() {
    for wrapper in [
        "",
        // A script that starts QEMU and something beside it.
        "sh -c 'sleep 1000 & \"$@\"' sh ",
        // One that changes the user or the limits, and becomes QEMU.
        "env nice -n 1 ",
        // One that waits for several.
        "sh -c '\"$@\" & wait' sh ",
    ] {
        let mark = unique("killed");
        let mut process = sh(&format!("exec \"$0\" run -- {wrapper}{QEMU} -name {mark}")).start();
        process.line("query-name");
        assert_eq!(process.read_line(), format!("{{\"name\": \"{mark}\"}}"));
        kill(&process);
        is_gone(&mark);
        process.wait();
    }
}

// The same while QEMU does not heed SIGTERM: it is stopped.
#[test]
fn a_killed_shell_ends_a_qemu_that_does_not_heed_sigterm() {
    let mark = unique("stubborn");
    let script = format!("exec \"$0\" run -- sh -c 'trap \"\" TERM; {QEMU} -name {mark} \"$@\"; sleep 1000' {mark}");
    let mut process = sh(&script).start();
    process.line("query-name");
    process.read_line();
    kill(&process);
    is_gone(&mark);
    process.wait();
}

#[test]
fn a_killed_shell_leaves_the_qemu_that_it_detached() {
    let mark = unique("detached");
    let mut process =
        sh(&format!("exec \"$0\" run -- {QEMU} -name {mark} -qmp unix:m.sock,server=on,wait=off")).start();
    let socket = process.home().join("m.sock");
    process.line("query-name");
    process.read_line();
    process.line(".detach");
    // As soon as it is detached.
    assert!(process.read_stderr_line().starts_with("warning: qemu-system-x86_64 runs on"));
    kill(&process);
    poll_until(DEADLINE, || process.has_ended().then_some(())).expect("it has ended");
    let name = format!("{{\"name\": \"{mark}\"}}\n");
    qmpsh().arg(&socket).arg("query-name").run().stdout(&name).status(0);
    qmpsh().arg(&socket).arg("quit").run().status(0);
    is_gone(&mark);
}

// The watcher has nothing of the session but its pipe.
#[test]
fn the_watcher_holds_no_terminal_and_no_socket() {
    let mark = unique("watched");
    let mut process = sh(&format!("exec \"$0\" run -- {QEMU} -name {mark}")).start();
    process.line("query-name");
    process.read_line();
    let pid = process.pid();
    let children = fs::read_dir("/proc").expect("/proc").flatten().filter(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).map(str::to_owned);
        parent == Some(pid.to_string())
    });
    let watchers: Vec<_> = children
        .map(|entry| entry.path())
        .filter(|path| fs::read_to_string(path.join("cmdline")).is_ok_and(|line| line.contains("qmpsh-watcher")))
        .collect();
    assert_eq!(watchers.len(), 1, "{watchers:?}");
    for entry in fs::read_dir(watchers[0].join("fd")).expect("its descriptors").flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.to_string_lossy().into_owned();
        // Those that the tests inherited are passed on to every program.
        let is_inherited = fs::read_link(Path::new("/proc/self/fd").join(entry.file_name()))
            .is_ok_and(|own| own.to_string_lossy() == target);
        let is_pipe = entry.file_name() == "0" && target.starts_with("pipe:");
        assert!(is_pipe || is_inherited || target == "/dev/null", "{:?} is {target}", entry.file_name());
    }
    process.wait().status(0);
    is_gone(&mark);
}

// A relay to a VM elsewhere keeps the only monitor when its shell is killed.
#[test]
fn a_killed_qmpsh_ends_its_exec_command() {
    for command in ["sleep 1000; : MARK", "sh -c 'sleep 1000; : MARK' & wait; : MARK"] {
        let mark = unique("relay");
        let command = command.replace("MARK", &mark);
        let program = qmpsh().args([&format!("exec:echo >started; {command}"), "x"]);
        let started = program.home().join("started");
        let process = program.start();
        wait_for_file(&started);
        kill(&process);
        is_gone(&mark);
        process.wait();
    }
}

// `timeout` and service managers end a batch with SIGTERM while its pipeline runs.
#[test]
fn a_pipeline_ends_with_its_batch() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mark = unique("pipeline");
        let mock = Mock::new().negotiate().expect_execute("a").reply("1").unix();
        // What the shell of the pipeline started, and what that started.
        let pipeline = format!("a | cat | sh -c 'tail -f {mark} & echo >started; wait; : {mark}' | cat");
        let program = qmpsh().arg(mock.socket()).args(["-c", &pipeline]);
        let started = program.home().join("started");
        fs::write(program.home().join(&mark), "").expect("a file");
        let process = program.start();
        wait_for_file(&started);
        process.signal(signal);
        process.wait().stdout("").status(status);
        is_gone(&mark);
        mock.finish();
    }
}

// The caller, such as a script, has its own processes in the group of a batch.
#[test]
fn the_end_of_a_pipeline_ends_nothing_of_the_caller() {
    let mock = Mock::new().negotiate().expect_execute("a").reply("1").unix();
    let script = r#"sleep 1000 & "$0" "$1" -c 'a | kill -TERM $PPID; sleep 1000'
        echo $?; kill -0 $! && echo there; kill $!"#;
    sh(script).arg(mock.socket()).run().stdout("143\nthere\n").status(0);
    mock.finish();
}

// Perl and Python services ignore SIGCHLD, and what they start inherits that.
#[test]
fn exit_statuses_are_known_where_the_parent_ignores_sigchld() {
    let qemu = Qemu::none().start();
    let ignoring = |args: &[&str]| {
        let script = "$SIG{CHLD} = 'IGNORE'; exec @ARGV";
        Program::new("perl").args(["-e", script, QMPSH]).args(args.to_vec()).run()
    };
    let socket = qemu.socket().display().to_string();
    ignoring(&[&socket, "-c", "query-name | false"])
        .stderr("-c:1: the pipeline `false` ended with exit status 1\n")
        .status(1);
    ignoring(&[&socket, "-c", "query-name | cat"]).stdout("{}\n").stderr("").status(0);
    ignoring(&["run", "sh", "-c", "exit 7"])
        .stderr("qmpsh: sh ended with exit status 7, before its greeting\n")
        .status(3);
    ignoring(&["exec:exit 7", "x"]).stderr_contains("the command ended with exit status 7").status(3);
    // What it starts has the default again.
    let asks = "query-name | grep SigIgn /proc/self/status";
    let ignored = ignoring(&[&socket, "-c", asks]).status(0).stdout_text();
    let mask = u64::from_str_radix(ignored.trim_start_matches("SigIgn:").trim(), 16).expect("a mask");
    assert_eq!(mask & (1 << (Signal::CHILD.as_raw() - 1)), 0, "{ignored}");
    assert_eq!(mask & (1 << (Signal::XFSZ.as_raw() - 1)), 0, "{ignored}");
    assert_eq!(mask & (1 << (Signal::PIPE.as_raw() - 1)), 0, "{ignored}");
}

// `nohup` and background jobs of scripts ignore signals on purpose.
#[test]
fn signals_that_the_parent_ignores_stay_ignored() {
    for (name, signal) in [("HUP", Signal::HUP), ("TERM", Signal::TERM), ("INT", Signal::INT), ("QUIT", Signal::QUIT)] {
        let mock = Mock::new().negotiate().expect_execute("a").pause().reply("1").unix();
        let process = sh(&format!("trap '' {name}; exec \"$0\" \"$1\" a")).arg(mock.socket()).start();
        mock.wait_for_pause();
        process.signal(signal);
        mock.go_on();
        process.wait().stdout("1\n").status(0);
        mock.finish();
    }
}

// A parent with threads that handle signals blocks them in the thread that starts a program.
#[test]
fn signals_that_the_parent_blocks_are_unblocked() {
    let mock = Mock::new().negotiate().expect_execute("a").pause().unix();
    let script = "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM, SIGINT, SIGCHLD, SIGXFSZ)); exec @ARGV";
    let program = Program::new("perl").args(["-e", script, QMPSH]).arg(mock.socket()).arg("a");
    let process = program.start();
    mock.wait_for_pause();
    process.signal(Signal::TERM);
    process.wait().stdout("").status(143);
    mock.go_on();
    mock.finish();
}

// The directory of a CI job is removed while its last step runs.
#[test]
fn a_removed_working_directory_is_no_failure() {
    let qemu = Qemu::none().start();
    let script = "mkdir gone; cd gone; rmdir ../gone; exec \"$0\" \"$1\" -c query-name -c 'query-name | cat'";
    sh(script).arg(qemu.socket()).run().stdout("{}\n{}\n").status(0);
    let output = sh("mkdir gone; cd gone; rmdir ../gone; exec \"$0\" listen l.sock").run();
    output.stderr("qmpsh: cannot listen on l.sock: no such directory\n").status(3);
}

// A daemon has no home, a container one that cannot be written.
#[test]
fn a_missing_home_is_no_failure_of_a_batch() {
    let qemu = Qemu::none().start();
    for setting in ["unset HOME XDG_STATE_HOME XDG_CONFIG_HOME", "export HOME=/nonexistent", "export HOME= LC_ALL=C"] {
        let output = sh(&format!("{setting}; exec \"$0\" \"$1\" query-name")).arg(qemu.socket()).run();
        output.stdout("{}\n").stderr("").status(0);
    }
}

// `ulimit -v` of batch systems and small containers.
#[test]
fn little_memory_is_enough() {
    let qemu = Qemu::none().start();
    let script =
        "ulimit -v 150000; exec \"$0\" \"$1\" -c query-name -c 'query-name | cat' -c '.help query-name | grep -c .'";
    sh(script).arg(qemu.socket()).run().stderr("").status(0);
}

// The disk of the log is full: the commands run, and the message tells that the log has gaps.
#[test]
fn a_log_on_a_full_disk_is_a_warning() {
    let qemu = Qemu::none().start();
    let output = qmpsh().arg(qemu.socket()).args(["-l", "/dev/full", "-k", "-c", "query-name", "-c", "stop"]).run();
    output
        .stdout("{}\n{}\n")
        .stderr("qmpsh: cannot write the log /dev/full: No space left on device; messages are missing from it\n")
        .status(0);
    // Where nobody can be told, the status still tells.
    let output = sh("exec \"$0\" \"$1\" query-bogus 2>/dev/full").arg(qemu.socket()).run();
    output.stdout("").status(1);
}

// `.wait` behind a result that nobody reads, as in a coprocess.
#[test]
fn the_limit_of_a_wait_holds_though_nobody_reads_stdout() {
    let qemu = Qemu::none().start();
    let commands = ["-c", "query-qmp-schema", "-c", "query-qmp-schema", "-c", ".wait timeout=0.1 STOP"];
    let output = qmpsh().arg(qemu.socket()).args(["-t", "0.5"]).args(commands).stdout_unread().run();
    output.stderr_contains("no `STOP` within 0.1 s").status(5);
}

// A FIFO where a file belongs, as of a secrets manager that has not started.
#[test]
fn a_fifo_as_a_certificate_counts_towards_the_time_to_connect() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket()).args(["--tls-creds", ".", "--tls-hostname", "x"]);
    let fifo = program.home().join("ca-cert.pem");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    let output = program.args(["--connect-timeout", "0.3", "query-name"]).run();
    let message = "qmpsh: --tls-creds: cannot read the files in . within 0.3 s: one of them may be a pipe that nobody writes to\n";
    output.stderr(message).status(3);
    let program = qmpsh().args(["listen", "l.sock", "--tls-creds", ".", "--connect-timeout", "0.3", "query-name"]);
    let fifo = program.home().join("ca-cert.pem");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    program.run().stderr(message).status(3);
}

// Daemons and cron jobs start programs with closed descriptors.
#[test]
fn a_closed_stdout_is_a_failure() {
    let qemu = Qemu::none().args(["-chardev", "null,id=c0"]).start();
    let socket = qemu.socket().display().to_string();
    let message = "qmpsh: cannot write the results: stdout is not open for writing\n";
    for (words, status) in [
        ("\"$1\" query-name", 1),
        ("\"$1\" -o pretty query-name", 1),
        ("\"$1\" -o table query-chardev", 1),
        ("\"$1\" -o raw query-name", 1),
        ("\"$1\" -c .status", 1),
        ("\"$1\" -c .help", 1),
        ("\"$1\" -k -c query-name -c query-name", 1),
        ("\"$1\" --events show -c stop -c cont", 1),
        ("list", 1),
        ("list -o json", 1),
        ("--help", 1),
        ("--version", 1),
        ("--generate man", 1),
    ] {
        for closed in [">&-", "0<&- >&-"] {
            let output = sh(&format!("exec \"$0\" {words} {closed}")).arg(&socket).run();
            output.stderr(message).status(status);
        }
        let output = sh(&format!("exec \"$0\" {words} >/dev/full")).arg(&socket).run();
        output.stderr("qmpsh: cannot write the results: No space left on device\n").status(status);
    }
    // A pipeline has the same stdout, and says so itself.
    let output = sh("exec \"$0\" \"$1\" -c 'query-name | cat' >&-").arg(&socket).run();
    output.stderr_contains("the pipeline `cat` ended with exit status 1").status(1);
    // What prints nothing needs no stdout.
    sh("exec \"$0\" \"$1\" -c '.events off' >&-").arg(&socket).run().stderr("").status(0);
}

#[test]
fn no_socket_gets_the_number_of_a_closed_descriptor() {
    let mock = Mock::new().negotiate().expect_execute("a").pause().reply("1").unix();
    let process = sh("exec \"$0\" \"$1\" a 0<&- 1>&- 2>&-").arg(mock.socket()).start();
    mock.wait_for_pause();
    for number in 0..3 {
        let target = fs::read_link(format!("/proc/{}/fd/{number}", process.pid())).expect("it is open");
        assert_eq!(target, Path::new("/dev/null"), "{number}");
    }
    mock.go_on();
    process.wait().status(1);
    mock.finish();
}

#[test]
fn a_closed_stdin_is_no_empty_batch() {
    let qemu = Qemu::none().start();
    let output = sh("exec \"$0\" \"$1\" 0<&-").arg(qemu.socket()).run();
    output.stderr("qmpsh: cannot read `stdin`: it is not open for reading\n").status(2);
    let output = sh("exec \"$0\" \"$1\" query-name a=@- 0<&-").arg(qemu.socket()).run();
    output.stderr_contains("it is not open for reading").status(2);
    // It is not read.
    sh("exec \"$0\" \"$1\" -c query-name 0<&- 2>&-").arg(qemu.socket()).run().stdout("{}\n").status(0);
}

// Batch systems and `ulimit -f` limit the size of files.
#[test]
fn a_file_size_limit_is_a_failure_and_no_death() {
    let qemu = Qemu::none().start();
    let limited = |words: &str| sh(&format!("ulimit -f 8; exec \"$0\" \"$1\" {words}")).arg(qemu.socket()).run();
    limited("query-qmp-schema >out").stderr("qmpsh: cannot write the results: File too large\n").status(1);
    limited("-l log query-qmp-schema | wc -c").stderr_contains("qmpsh: cannot write the log log: File too large");
    // A pipeline has the default: it is ended.
    limited("-c 'query-qmp-schema | cat >out'").stderr_contains("`cat >out` ended with exit status 153").status(1);
}

#[test]
fn too_few_descriptors_are_a_message() {
    let qemu = Qemu::none().start();
    for limit in 4..=12 {
        let script = format!("ulimit -n {limit}; exec \"$0\" \"$1\" query-name");
        let output = sh(&script).arg(qemu.socket()).run();
        if output.code() == Some(0) {
            output.stdout("{}\n").stderr("");
        } else {
            output.stderr_contains("qmpsh: ").stderr_contains(&text_of(Errno::MFILE)).status(3);
        }
    }
}

// A mistyped redirection, a core dump, a disk image: no newline comes.
#[test]
fn an_endless_line_is_refused() {
    let qemu = Qemu::none().start();
    let mut process = sh("exec \"$0\" \"$1\" 2>stderr </dev/zero; read line").arg(qemu.socket()).start();
    let stderr = process.home().join("stderr");
    let said = poll_until(DEADLINE, || fs::read_to_string(&stderr).ok().filter(|text| text.ends_with('\n')));
    assert_eq!(said.as_deref(), Some("qmpsh: cannot read `stdin`: line 1 is longer than 64 MiB\n"));
    process.close_stdin();
    let file = |words: &str| sh(&format!("exec \"$0\" \"$1\" {words}")).arg(qemu.socket()).run();
    file("-f /dev/zero").stderr("qmpsh: cannot read `/dev/zero`: line 1 is longer than 64 MiB\n").status(2);
    file("x a=@/dev/zero").stderr_contains("it is longer than 64 MiB").status(2);
    file("x a=@- </dev/zero").stderr_contains("it is longer than 64 MiB").status(2);
    // Nor does the end of a statement.
    let output = sh("{ echo 'transaction('; yes '# a comment'; } | exec \"$0\" \"$1\"").arg(qemu.socket()).run();
    output.stderr_contains("is longer than 64 MiB").status(2);
}

#[test]
fn an_endless_line_takes_little_memory() {
    let mock = Mock::new().negotiate().pause().unix();
    let mut process = qmpsh().arg(mock.socket()).args(["-k", "-f", "/dev/zero", "-f", "-"]).start();
    mock.wait_for_pause();
    assert!(process.read_stderr_line().ends_with("line 1 is longer than 64 MiB"));
    let peak = peak_memory(process.pid());
    assert!(peak < 100 << 20, "{peak}");
    process.close_stdin();
    process.wait().status(2);
    mock.go_on();
    mock.finish();
}

/// The shell with this history, which warns once and works without.
#[track_caller]
fn goes_without_history(program: Program, why: &str) {
    let qemu = Qemu::none().start();
    let mut t = crate::shell::at_prompt(program.arg(qemu.socket()));
    for (line, result) in [("query-name", "\n{}\n"), ("query-kvm", "\"present\"")] {
        t.type_keys(&format!("{line}\r"));
        t.wait(|screen| screen.text().contains(result) && crate::shell::is_at_prompt(screen));
    }
    let text = t.screen().words();
    assert_eq!(text.matches("warning: cannot keep the history").count(), 1, "{t}");
    assert!(text.contains(why), "{t}");
    // In memory it is kept.
    t.type_keys(keys::UP);
    t.wait(|screen| crate::shell::is_typed(screen, "query-kvm", 0));
    t.type_keys(keys::CTRL_C);
    t.wait(crate::shell::is_at_prompt);
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}

// A home on a network file system, a backup, a shell that hangs: the lock does not come.
#[test]
fn a_locked_history_does_not_hold_up_the_prompt() {
    for operation in [FlockOperation::LockExclusive, FlockOperation::LockShared] {
        let directory = temporary_directory();
        let path = directory.path().join("history");
        fs::write(&path, "#V2\nold\n").expect("a file");
        let file = File::open(&path).expect("the file");
        flock(&file, operation).expect("a lock");
        goes_without_history(qmpsh().arg("--history").arg(&path), "another process has locked it");
        assert_eq!(fs::read_to_string(&path).expect("the file"), "#V2\nold\n");
    }
}

// `ln -s /dev/null ~/.local/state/qmpsh/history`, a dotfiles manager, a trap in a directory that others may write to.
#[test]
fn a_history_behind_a_link_is_neither_read_nor_written() {
    let directory = temporary_directory();
    let (target, link) = (directory.path().join("target"), directory.path().join("history"));
    fs::write(&target, "precious\n").expect("a file");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).expect("its mode");
    symlink(&target, &link).expect("a link");
    goes_without_history(qmpsh().arg("--history").arg(&link), "it is a symbolic link");
    assert_eq!(fs::read_to_string(&target).expect("the file"), "precious\n");
    assert_eq!(fs::metadata(&target).expect("the file").mode() & 0o777, 0o644);
    // One that leads nowhere makes no file.
    let (target, link) = (directory.path().join("nothing"), directory.path().join("dangling"));
    symlink(&target, &link).expect("a link");
    goes_without_history(qmpsh().arg("--history").arg(&link), "it is a symbolic link");
    assert!(!target.exists());
}

#[test]
fn a_history_that_is_no_regular_file_of_ones_own_is_not_used() {
    let directory = temporary_directory();
    let path = |name: &str| directory.path().join(name);
    let fifo = path("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    goes_without_history(qmpsh().arg("--history").arg(&fifo), "it is not a regular file");
    let _listener = UnixListener::bind(path("socket")).expect("a socket");
    goes_without_history(qmpsh().arg("--history").arg(path("socket")), "it is not a regular file");
    if rustix::process::geteuid().is_root() {
        fs::write(path("theirs"), "#V2\n").expect("a file");
        std::os::unix::fs::chown(path("theirs"), Some(65534), Some(65534)).expect("its owner");
        goes_without_history(qmpsh().arg("--history").arg(path("theirs")), "it belongs to another user");
        assert_eq!(fs::read_to_string(path("theirs")).expect("the file"), "#V2\n");
    }
}

// Another user's link in /tmp where the socket is to be.
#[test]
fn listen_follows_no_link() {
    let directory = temporary_directory();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("precious"), "text").expect("a file");
    fs::set_permissions(path("precious"), fs::Permissions::from_mode(0o640)).expect("its mode");
    drop(UnixListener::bind(path("stale")).expect("a socket"));
    let before = fs::symlink_metadata(path("stale")).expect("a socket").mode();
    for target in ["precious", "nothing", "stale"] {
        let link = path(&format!("to-{target}"));
        symlink(path(target), &link).expect("a link");
        let output = qmpsh().arg("listen").arg(&link).args(["--wait", "0.05"]).run();
        output.stderr_contains("the file exists and is not a socket").status(3);
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    }
    assert_eq!(fs::metadata(path("precious")).expect("the file").mode() & 0o777, 0o640);
    assert_eq!(fs::symlink_metadata(path("stale")).expect("a socket").mode(), before);
    assert!(!path("nothing").exists());
}

#[test]
fn listen_leaves_nothing_beside_a_stale_socket() {
    let program = qmpsh().args(["listen", "l.sock", "--wait", "0.05"]);
    drop(UnixListener::bind(program.home().join("l.sock")).expect("a socket"));
    let output = program.run();
    output.stderr_contains("listening on l.sock\n").status(3);
    assert_eq!(fs::read_dir(output.home()).expect("its home").count(), 0);
}

// A service that has made its socket and not begun to listen.
#[test]
fn listen_does_not_replace_a_socket_that_does_not_listen_yet() {
    let directory = temporary_directory();
    let path = directory.path().join("bound");
    let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM, None);
    let socket = socket.expect("a socket");
    let address = rustix::net::SocketAddrUnix::new(&path).expect("an address");
    rustix::net::bind(&socket, &address).expect("a free path");
    let inode = fs::symlink_metadata(&path).expect("the socket").ino();
    let output = qmpsh().arg("listen").arg(&path).run();
    output.stderr_contains("another process listens there").status(3);
    assert_eq!(fs::symlink_metadata(&path).expect("the socket").ino(), inode);
    assert_eq!(fs::read_dir(directory.path()).expect("it").count(), 1);
}

// A name that is something else: a FIFO of another tool, a directory, a device.
#[test]
fn listen_replaces_nothing_but_a_stale_socket() {
    let directory = temporary_directory();
    let path = |name: &str| directory.path().join(name);
    rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    fs::create_dir(path("folder")).expect("a directory");
    let _datagrams = std::os::unix::net::UnixDatagram::bind(path("datagrams")).expect("a socket");
    for name in ["fifo", "folder", "datagrams"] {
        let before = fs::symlink_metadata(path(name)).expect("it is there").ino();
        qmpsh()
            .arg("listen")
            .arg(path(name))
            .args(["--wait", "0.05"])
            .run()
            .status(3)
            .stderr_contains("cannot listen on ");
        assert_eq!(fs::symlink_metadata(path(name)).expect("it is there").ino(), before, "{name}");
    }
    assert_eq!(fs::read_dir(directory.path()).expect("it").count(), 3);
}

// A script holds one `qmpsh` between two FIFOs and reads each reply before it sends the next command.
#[test]
fn it_is_a_coprocess_between_two_fifos() {
    let qemu = Qemu::none().name("web1").start();
    let script = r#"mkfifo in out; (cat in | "$0" "$1" >out) & exec 6>in 7<out
        echo '{ "execute": "qmp_capabilities" }' >&6; read -r line <&7; echo "1 $line"
        echo '{ "execute": "query-name" }' >&6; read -r line <&7; echo "2 $line"
        echo '{ "execute": "stop" }' >&6; read -r line <&7; echo "3 $line"; exec 6>&-; wait"#;
    let output = sh(script).arg(qemu.socket()).run();
    output.stderr("").stdout("1 {}\n2 {\"name\": \"web1\"}\n3 {}\n").status(0);
}

// `list` in a script: a closed pipe, a full disk, no terminal.
#[test]
fn list_is_a_filter() {
    let qemu = Qemu::none().name(&unique("listed")).start();
    let mark = unique("listed");
    let output =
        sh(&format!("\"$0\" list | grep -c {mark}; \"$0\" list -o json | jq -r '.[].name' | grep -c {mark}")).run();
    output.stderr("").stdout("1\n1\n").status(0);
    sh("\"$0\" list | head -c 0; \"$0\" list >/dev/full").run().stderr_contains("No space left on device").status(1);
    drop(qemu);
}
