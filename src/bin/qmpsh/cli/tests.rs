use std::os::unix::ffi::OsStringExt;

use super::*;
use qmpsh::address::Address;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

/// A command line, its words separated by spaces (`%` in a word stands for one), and an environment.
fn run(line: &str, environment: &[(&str, &str)]) -> Result<Invocation, Exit> {
    match task(line, environment)? {
        Task::Session(invocation) => Ok(*invocation),
        task => panic!("{line}: {task:?}"),
    }
}

/// The same, for anything that can be asked for.
fn task(line: &str, environment: &[(&str, &str)]) -> Result<Task, Exit> {
    let words = line.split(' ').filter(|word| !word.is_empty()).map(|word| word.replace('%', " ").into());
    parse(std::iter::once("qmpsh".into()).chain(words), |name| {
        environment.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    })
}

/// The options of a command line that gives none.
fn defaults() -> Options {
    ok("q.sock").options
}

#[track_caller]
fn ok(line: &str) -> Invocation {
    run(line, &[]).unwrap_or_else(|exit| panic!("{line}: {}", exit.text()))
}

/// The usage error of a command line: its first line.
#[track_caller]
fn wrong(line: &str, environment: &[(&str, &str)]) -> String {
    match run(line, environment) {
        Err(exit @ Exit::Usage(_)) => {
            assert_eq!(exit.status(), 2);
            assert!(exit.text().ends_with("try 'qmpsh --help'.\n"), "{}", exit.text());
            let first = exit.text().lines().next().unwrap_or_default();
            first.strip_prefix("qmpsh: ").unwrap_or_else(|| panic!("{first}")).to_owned()
        }
        other => panic!("{line}: {other:?}"),
    }
}

fn unix(path: &str) -> ConnectMode {
    ConnectMode::Connect(Address::Unix(path.into()))
}

fn words(words: &[&str]) -> Input {
    Input::Words(words.iter().map(ToString::to_string).collect())
}

#[test]
fn the_definition_is_consistent() {
    command().debug_assert();
}

#[test]
fn words_after_the_address_are_one_command() {
    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let invocation = ok(line);
        assert_eq!(invocation.mode, unix("q.sock"), "{line}");
        assert_eq!(invocation.input, words(expected), "{line}");
    }
    check("q.sock query-status", &["query-status"]);
    check("connect q.sock query-status", &["query-status"]);
    check("q.sock device_add driver=e1000 id=0", &["device_add", "driver=e1000", "id=0"]);
    check("q.sock a='b%c' #x |", &["a='b c'", "#x", "|"]);
    // The first word ends the options.
    check("q.sock x -k --help -- -c", &["x", "-k", "--help", "--", "-c"]);
    check("connect q.sock x -V", &["x", "-V"]);
    check("q.sock x --timeout", &["x", "--timeout"]);
    // `--` ends them earlier.
    check("q.sock -- -k x", &["-k", "x"]);
    check("-- q.sock -k x", &["-k", "x"]);
    check("connect -- q.sock -k", &["-k"]);
    check("q.sock -- -- x", &["--", "x"]);
    // Subcommands are words as any other, once the address is there.
    check("q.sock connect x", &["connect", "x"]);
    check("q.sock run", &["run"]);
    check("-o raw q.sock list", &["list"]);
}

#[test]
fn options_stand_before_or_directly_after_the_address() {
    let expected = Options {
        keep_going: true,
        timeout: Some(Duration::from_millis(500)),
        output: Some(OutputMode::Raw),
        ..defaults()
    };
    for line in [
        "-k -t 0.5 -o raw q.sock x -p",
        "q.sock -k -t 0.5 -o raw x -p",
        "-k q.sock -t 0.5 -o raw x -p",
        "-kt0.5 --output=raw q.sock -- x -p",
        "-k connect -t 0.5 q.sock -o raw x -p",
        "-kt 0.5 connect -oraw q.sock x -p",
    ] {
        let invocation = ok(line);
        assert_eq!(invocation.options, expected, "{line}");
        assert_eq!(invocation.input, words(&["x", "-p"]), "{line}");
    }
}

#[test]
fn every_option_has_its_value() {
    #[track_caller]
    fn check(options: &str, change: impl Fn(&mut Options)) {
        let mut expected = defaults();
        change(&mut expected);
        assert_eq!(ok(&format!("{options} q.sock")).options, expected, "{options}");
        assert_eq!(ok(&format!("q.sock {options}")).options, expected, "{options}");
    }
    let seconds = Duration::from_secs;
    check("", |_| {});
    check("--keep-going", |o| o.keep_going = true);
    check("--timeout 3", |o| o.timeout = Some(seconds(3)));
    check("--connect-timeout 3", |o| o.connect_timeout = seconds(3));
    check("--wait 30", |o| o.wait = Some(seconds(30)));
    check("--wait 0", |o| o.wait = None);
    check("--reconnect 2.5", |o| o.reconnect = Some(Duration::from_millis(2500)));
    check("-o auto", |o| o.output = Some(OutputMode::Auto));
    check("-o json", |o| o.output = Some(OutputMode::Json));
    check("-o pretty", |o| o.output = Some(OutputMode::Pretty));
    check("-p", |o| o.output = Some(OutputMode::Pretty));
    check("-o table", |o| o.output = Some(OutputMode::Table));
    check("--color auto", |o| o.color = ColorMode::Auto);
    check("--color always", |o| o.color = ColorMode::Always);
    check("--color never", |o| o.color = ColorMode::Never);
    check("--events show", |o| o.events = Some(EventsMode::Show));
    check("--events hide", |o| o.events = Some(EventsMode::Hide));
    check("--events stderr", |o| o.events = Some(EventsMode::Stderr));
    check("--max-message 1G", |o| o.max_message = 1 << 30);
    check("--history h", |o| o.history = Some("h".into()));
    check("--no-history", |o| o.no_history = true);
    check("--log-level off", |o| o.log_level = LevelFilter::OFF);
    check("--log-level trace", |o| o.log_level = LevelFilter::TRACE);
    check("-N", |o| o.skip_negotiation = true);
    check("-H", |o| o.hmp = true);
    check("--hmp", |o| o.hmp = true);
    // The last one wins, so that an alias can be overridden.
    check("-p -o raw", |o| o.output = Some(OutputMode::Raw));
    check("-o raw -p", |o| o.output = Some(OutputMode::Pretty));
    check("-o raw -o json -k -k", |o| {
        (o.output, o.keep_going) = (Some(OutputMode::Json), true);
    });
    check("--no-history --history h", |o| {
        o.history = Some("h".into());
    });
    check("--history h --no-history", |o| o.no_history = true);
}

#[test]
fn lines_and_files_keep_their_order() {
    #[track_caller]
    fn check(line: &str, expected: &[Source]) {
        assert_eq!(ok(line).input, Input::Lines(expected.to_vec()), "{line}");
    }
    let line = |line: &str| Source::Line(line.into());
    let file = |file: &str| Source::File(file.into());
    check("q.sock -c query-status", &[line("query-status")]);
    check("-c a -f b q.sock -c c%d -f e", &[line("a"), file("b"), line("c d"), file("e")]);
    check("-f a connect q.sock --command=b", &[file("a"), line("b")]);
    check("q.sock -f - -c a", &[Source::Stdin, line("a")]);
    check("-c connect connect q.sock -kc list", &[line("connect"), line("list")]);
    check("-f ./- q.sock", &[file("./-")]);
}

#[test]
fn without_commands_the_input_is_the_default() {
    assert_eq!(ok("q.sock").input, Input::Default);
    assert_eq!(ok("connect q.sock -k").input, Input::Default);
    assert_eq!(ok("q.sock --").input, Input::Default);
}

#[test]
fn the_environment_gives_what_is_missing() {
    #[track_caller]
    fn check(line: &str, environment: &[(&str, &str)], address: &str, input: &Input) {
        let invocation = run(line, environment).unwrap_or_else(|exit| panic!("{line}: {}", exit.text()));
        assert_eq!(invocation.mode, unix(address), "{line}");
        assert_eq!(invocation.input, *input, "{line}");
        assert_eq!(invocation.options.log_level, LevelFilter::DEBUG);
    }
    let socket = [("QMP_SOCKET", "/run/q.sock"), ("QMPSH_LOG", "debug")];
    check("", &socket, "/run/q.sock", &Input::Default);
    check("connect", &socket, "/run/q.sock", &Input::Default);
    check("-c x", &socket, "/run/q.sock", &Input::Lines(vec![Source::Line("x".into())]));
    // The first word is an address even so.
    check("query-status", &socket, "query-status", &Input::Default);
    check("q.sock x", &socket, "q.sock", &words(&["x"]));

    let logging = [("QMPSH_LOG", "debug")];
    assert_eq!(run("q.sock --log-level info", &logging).unwrap().options.log_level, LevelFilter::INFO);
    let empty = [("QMPSH_LOG", ""), ("QMP_SOCKET", "")];
    assert_eq!(run("q.sock", &empty).unwrap().options, defaults());
    assert_eq!(task("", &empty), Ok(Task::NoAddress(Box::new((Input::Default, defaults())))));
    assert_eq!(
        wrong("q.sock", &[("QMPSH_LOG", "loud")]),
        "bad level `loud` in $QMPSH_LOG: use one of off, error, warn, info, debug, trace"
    );
    assert!(
        wrong("", &[("QMP_SOCKET", "h:x")]).starts_with("$QMP_SOCKET: bad address `h:x`: the port `x` is not a number")
    );
}

#[test]
fn a_subcommand_names_the_way() {
    #[track_caller]
    fn check(line: &str, (mode, socket_mode): (ConnectMode, Option<u32>), input: &Input) {
        let invocation = ok(line);
        assert_eq!((invocation.mode, invocation.options.socket_mode), (mode, socket_mode), "{line}");
        assert_eq!(invocation.input, *input, "{line}");
    }
    let listen = |address: &str, socket_mode| (ConnectMode::Listen(address.parse().unwrap()), socket_mode);
    let fd = |number| (ConnectMode::Fd(number), None);
    let status = words(&["query-status"]);
    check("listen q.sock", listen("q.sock", None), &Input::Default);
    check("-k listen :4444 -o raw query-status", listen("tcp:localhost:4444", None), &status);
    check("listen --socket-mode 0660 q.sock query-status", listen("q.sock", Some(0o660)), &status);
    check("--socket-mode=660 listen q.sock", listen("q.sock", Some(0o660)), &Input::Default);
    check("listen listen", listen("listen", None), &Input::Default);
    check("listen q.sock -- -k", listen("q.sock", None), &words(&["-k"]));

    check("fd 3 query-status", fd(Some(3)), &status);
    check("fd:3 query-status", fd(Some(3)), &status);
    check("connect fd:3 -k query-status", fd(Some(3)), &status);
    check("-k fd -o raw 3 query-status", fd(Some(3)), &status);
    check("fd 3 -- 4", fd(Some(3)), &words(&["4"]));
    check("fd", fd(None), &Input::Default);
    check("fd query-status", fd(None), &status);
    check("fd -o raw query-status 3", fd(None), &words(&["query-status", "3"]));
    check("fd -- query-status", fd(None), &status);
    check("-c x fd", fd(None), &Input::Lines(vec![Source::Line("x".into())]));
    assert_eq!(run("", &[("QMP_SOCKET", "fd:7")]).unwrap().mode, ConnectMode::Fd(Some(7)));
}

#[test]
fn what_follows_run_is_the_command_line_of_qemu() {
    #[track_caller]
    fn check(line: &str, expected: &[&str], monitor: Option<&str>, input: &Input) {
        let invocation = ok(line);
        let command = expected.iter().map(Into::into).collect();
        let monitor = monitor.map(Into::into);
        assert_eq!((invocation.mode, invocation.options.monitor), (ConnectMode::Run(command), monitor), "{line}");
        assert_eq!(invocation.input, *input, "{line}");
    }
    let lines = Input::Lines(vec![Source::Line("x".into())]);
    check("run qemu -M none -c y", &["qemu", "-M", "none", "-c", "y"], None, &Input::Default);
    check("run -- qemu -M none", &["qemu", "-M", "none"], None, &Input::Default);
    check("run -c x qemu --version", &["qemu", "--version"], None, &lines);
    check("-c x run -k --monitor m -- qemu -h", &["qemu", "-h"], Some("m"), &lines);
    check("--monitor=m run -cx qemu", &["qemu"], Some("m"), &lines);
    check("run qemu -- -c x", &["qemu", "--", "-c", "x"], None, &Input::Default);
    check("run -- qemu -- x", &["qemu", "--", "x"], None, &Input::Default);
    check("run connect x", &["connect", "x"], None, &Input::Default);
    check("run run", &["run"], None, &Input::Default);
    // It is no address.
    check("run vm:1 fd:3", &["vm:1", "fd:3"], None, &Input::Default);
    let missing = "`run` needs the command line of QEMU, as in `qmpsh run qemu-system-x86_64 -M q35`";
    for line in ["run", "run -k", "-c x run --"] {
        assert_eq!(wrong(line, &[("QMP_SOCKET", "/run/q.sock")]), missing, "{line}");
    }
    assert_eq!(wrong("run -nographic", &[]), "unexpected argument '-n' found");
}

#[test]
fn what_a_way_does_not_take() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        let message = wrong(line, &[]);
        assert!(message.starts_with(expected), "{line}: {message}");
    }
    check("--socket-mode 600 q.sock", "--socket-mode works only with `qmpsh listen`");
    check("--socket-mode 600 fd 3", "--socket-mode works only with `qmpsh listen`");
    check("--socket-mode 600 run qemu", "--socket-mode works only with `qmpsh listen`");
    check("--monitor m q.sock", "--monitor works only with `qmpsh run`");
    check("--monitor m listen q.sock", "--monitor works only with `qmpsh run`");
    check("--socket-mode 600 listen :0", "--socket-mode: localhost:0 has no socket file");
    check("--socket-mode 1777 listen q", "invalid value '1777' for '--socket-mode <OCTAL>': it is not a mode in octal");
    check("listen", "no address");
    check("listen h:x", "bad address `h:x`: the port `x` is not a number");
    check("listen fd:3", "cannot listen at `fd:3`");
    check("fd:", "`fd:` is not a descriptor");
    check("fd:x", "`fd:x` is not a descriptor");
    check("fd:-3", "`fd:-3` is not a descriptor");
    check("fd 99999999999", "`fd:99999999999` is not a descriptor");
    assert!(wrong("", &[("QMP_SOCKET", "fd:x")]).starts_with("$QMP_SOCKET: `fd:x` is not a descriptor"));
}

#[test]
fn a_missing_address_is_left_to_the_processes_that_run() {
    #[track_caller]
    fn check(line: &str, expected: Input) {
        let Ok(Task::NoAddress(task)) = task(line, &[]) else { panic!("{line}") };
        assert_eq!(task.0, expected, "{line}");
    }
    check("", Input::Default);
    check("connect", Input::Default);
    check("-c query-status", Input::Lines(vec![Source::Line("query-status".into())]));
    check("--reconnect 1", Input::Default);
}

#[test]
fn the_processes_are_listed() {
    #[track_caller]
    fn check(line: &str, output: OutputMode) {
        assert_eq!(task(line, &[]), Ok(Task::List(Listing { output })), "{line}");
    }
    check("list", OutputMode::Auto);
    check("-o json list", OutputMode::Json);
    check("list -p", OutputMode::Pretty);
    let sentence = |what: &str| {
        format!("`list` takes only -o, -p and --color, not {what} (for a socket of that name, write ./list)")
    };
    for (line, what) in
        [("list query-status", "`query-status`"), ("list -k", "--keep-going"), ("-t 5 list", "--timeout")]
    {
        assert_eq!(wrong(line, &[]), sentence(what), "{line}");
    }
    for line in ["./list", "-- ./list", "connect ./list"] {
        assert_eq!(ok(line).mode, unix("./list"));
    }
    for line in ["connect list", "-- list"] {
        assert_eq!(ok(line).mode, unix("list"));
    }
    assert_eq!(ok("connect connect").mode, unix("connect"));
}

#[test]
fn usage_errors_say_what_to_try() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(wrong(line, &[]), expected, "{line}");
    }
    check("q.sock -c a query-status", "`query-status` after -c or -f is ambiguous; put it in a -c of its own");
    check("-f x q.sock a", "`a` after -c or -f is ambiguous; put it in a -c of its own");
    check("q.sock -f - -f -", "`-f -` is given twice, but stdin can be read only once");
    check(
        "q.sock --pipeline 4",
        "--pipeline needs -k (--keep-going): it sends commands before it knows whether earlier ones failed",
    );
    check("q.sock -k --pipeline 0", "invalid value '0' for '--pipeline <N>': it is not a number of 1 or more");
    check("q.sock --file=", "the file name of -f is empty; for stdin write `-f -`");
    check("q.sock --nonsense", "unexpected argument '--nonsense' found");
    check("q.sock -o xml", "invalid value 'xml' for '--output <MODE>'");
    check(
        "q.sock -t 0",
        "invalid value '0' for '--timeout <SECONDS>': a timeout must be more than 0, such as 0.5 or 10",
    );
    check(
        "q.sock -t -5",
        "invalid value '-5' for '--timeout <SECONDS>': it is not a number of seconds, such as 10 or 0.5",
    );
    check(
        "q.sock --max-message 1T",
        "invalid value '1T' for '--max-message <SIZE>': it is not a size, such as 65536, 64k, 256M or 1G",
    );
    assert!(wrong("exec:", &[]).starts_with("bad address `exec:`: the command after `exec:` is missing; "));
    assert!(wrong("listen exec:x", &[]).starts_with("cannot listen at `exec:x`: qmpsh starts the command"));
    assert!(
        wrong("listen ssh://h/q", &[]).starts_with("cannot listen at `ssh://h/q`: ssh connects to existing sockets")
    );
    assert_eq!(wrong("listen vm:x", &[]), "cannot listen at `vm:x`: it names a running QEMU");
    assert!(wrong("host:99999 x", &[]).starts_with("bad address `host:99999`: the port 99999 is over 65535; "));
}

#[test]
fn only_paths_may_be_other_than_utf8() {
    let odd = |text: &[u8]| OsString::from_vec(text.to_vec());
    let parse = |args: &[OsString]| -> Result<Invocation, Exit> {
        match parse(args.to_vec(), |_| None)? {
            Task::Session(invocation) => Ok(*invocation),
            task => panic!("{task:?}"),
        }
    };
    let name = OsString::from("qmpsh");
    let socket = odd(b"/tmp/\xff");

    let invocation = parse(&[name.clone(), "-f".into(), odd(b"\xfe"), socket.clone()]).unwrap();
    assert_eq!(invocation.mode, ConnectMode::Connect(Address::Unix(socket.clone().into())));
    assert_eq!(invocation.input, Input::Lines(vec![Source::File(odd(b"\xfe").into())]));

    let exit = parse(&[name.clone(), socket.clone(), "x".into(), odd(b"a=\xff")]).unwrap_err();
    assert!(exit.text().starts_with("qmpsh: the word `a=\u{fffd}` is not UTF-8"), "{}", exit.text());
    let exit = parse(&[name, socket, "-c".into(), odd(b"a=\xff")]).unwrap_err();
    assert!(exit.text().starts_with("qmpsh: the line of -c, `a=\u{fffd}` is not UTF-8"), "{}", exit.text());
    assert_eq!(exit.status(), 2);
}

#[test]
fn help_and_version_are_shown_on_stdout() {
    for line in ["--help", "-h", "q.sock --help", "--help list", "list --help", "connect --help"] {
        match run(line, &[]) {
            Err(exit @ Exit::Show(_)) => {
                assert_eq!(exit.status(), 0);
                assert!(exit.text().contains("Usage: qmpsh [OPTIONS] [connect] ADDRESS"), "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    let version = format!("qmpsh {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run("-V", &[]), Err(Exit::Show(version)));
}

#[test]
fn help_fits_a_terminal() {
    for (line, widest) in [("--help", 100), ("-h", 100)] {
        let exit = run(line, &[]).unwrap_err();
        for line in exit.text().lines() {
            assert!(line.chars().count() <= widest, "{line}");
        }
    }
    assert!(run("-h", &[]).unwrap_err().text().lines().count() <= 50);
}

#[test]
fn tls_options_are_read_and_checked() {
    let check = |line: &str, expected: Option<&str>| {
        let Options { tls_creds, tls_hostname, .. } = ok(line).options;
        assert_eq!((tls_creds, tls_hostname.as_deref()), (Some("d".into()), expected), "{line}");
    };
    check("--tls-creds d :1 x", None);
    check(":1 --tls-creds d --tls-hostname ::1 x", Some("::1"));
    check("--tls-creds d --tls-hostname h q.sock x", Some("h"));
    check("--tls-creds d vm:web1", None);
    check("--tls-creds d --tls-hostname h exec:x", Some("h"));
    check("listen --tls-creds d q.sock", None);
    check("fd 3 --tls-creds d", None);
    check("fd --tls-creds d --tls-hostname h", Some("h"));
    // After the first word of the command it is the command's.
    assert_eq!(ok(":1 x --tls-creds d").options.tls_creds, None);
}
