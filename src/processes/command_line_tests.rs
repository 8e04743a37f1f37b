use proptest::prelude::*;

use super::*;

/// Reads a command line whose words are separated by spaces (`%` stands for one).
fn read_line(line: &str) -> CommandLine {
    let line: String = line.split(' ').map(|word| word.replace('%', " ") + "\0").collect();
    read(line.as_bytes(), line.split('\0').next().unwrap_or_default().as_bytes())
}

fn spec(language: Language, backend: Backend, server: bool) -> Spec {
    Spec { id: None, language, backend, server, wrapper: None }
}

fn unix(path: &str) -> Backend {
    Backend::Unix(path.into())
}

fn tcp(host: &str, port: u16) -> Backend {
    Backend::Tcp { host: host.into(), port, to: port }
}

#[test]
fn qemu_is_known_by_its_program() {
    let check = |program: &str, expected: bool| assert_eq!(is_qemu(program.as_bytes()), expected, "{program}");
    check("qemu-system-x86_64", true);
    check("/usr/bin/qemu-system-aarch64", true);
    check("/usr/bin/qemu-system-aarch64 (deleted)", true);
    check("/nix/store/x/bin/.qemu-system-x86_64-wrapped", true);
    check("/usr/libexec/qemu-kvm", true);
    check("qemu-storage-daemon", true);
    check("qemu-img", false);
    check("qemu-ga", false);
    check("/opt/qemu-system-x86/tool", false);
    check("sh", false);
    check("", false);
}

#[test]
fn the_name_is_read() {
    let check = |line: &str, expected: Option<&str>| {
        assert_eq!(read_line(line).name, expected.map(OsString::from), "{line}");
    };
    check("qemu-system-x86_64", None);
    check("qemu-system-x86_64 -name web1", Some("web1"));
    check("qemu-system-x86_64 --name web1,process=q", Some("web1"));
    check("qemu-system-x86_64 -name guest=web1,debug-threads=on", Some("web1"));
    check("qemu-system-x86_64 -name process=q,guest=a,,b=c", Some("a,b=c"));
    check("qemu-system-x86_64 -name web1 -name process=q", Some("web1"));
    check("qemu-system-x86_64 -name my%vm", Some("my vm"));
    check("qemu-system-x86_64 -name", None);
    check("qemu-system-x86_64 web1", None);
}

#[test]
fn monitors_in_the_older_spelling_are_read() {
    #[track_caller]
    fn check(option: &str, expected: Spec) {
        assert_eq!(read_line(&format!("qemu-system-x86_64 {option}")).monitors, [expected], "{option}");
    }
    let qmp = |backend, server| spec(Language::Qmp, backend, server);
    check("-qmp unix:q.sock,server=on,wait=off", qmp(unix("q.sock"), true));
    check("--qmp unix:/a,,b,server,nowait", qmp(unix("/a,b"), true));
    check("-qmp-pretty unix:/q.sock,server=on", qmp(unix("/q.sock"), true));
    check("-qmp unix:path=/q.sock,server=y", qmp(unix("/q.sock"), true));
    check("-qmp unix:/q.sock", qmp(unix("/q.sock"), false));
    check("-qmp unix:/q.sock,server=off,reconnect=1", qmp(unix("/q.sock"), false));
    check(
        "-qmp unix:q,abstract=on,tight=off,server=on",
        qmp(Backend::Abstract { name: b"q".to_vec(), tight: false }, true),
    );
    check("-qmp tcp:localhost:4444,server", qmp(tcp("localhost", 4444), true));
    check("-qmp tcp::4444,server=on,wait=off", qmp(tcp("", 4444), true));
    check("-qmp tcp:[::1]:4444,server=on", qmp(tcp("::1", 4444), true));
    check("-qmp tcp:h:4444,to=4450,server=on", qmp(Backend::Tcp { host: "h".into(), port: 4444, to: 4450 }, true));
    check("-qmp tcp:h:http,server=on", qmp(Backend::Other("port http of h".into()), true));
    check("-qmp stdio", qmp(Backend::Other("stdio".into()), false));
    check("-qmp mon:stdio,x", qmp(Backend::Other("stdio".into()), false));
    check("-qmp file:/tmp/x", qmp(Backend::Other("file".into()), false));
    check("-monitor unix:/m,server=on", spec(Language::Hmp, unix("/m"), true));
    let telnet = Spec { wrapper: Some("telnet"), ..qmp(tcp("", 1), true) };
    check("-qmp telnet::1,server=on", telnet.clone());
    check("-qmp tcp::1,server=on,telnet=on", telnet);
    check("-qmp websocket::1,server=on", Spec { wrapper: Some("websocket"), ..qmp(tcp("", 1), true) });
}

#[test]
fn monitors_on_chardevs_are_read() {
    #[track_caller]
    fn check(options: &str, expected: Spec) {
        let expected = Spec { id: Some(b"m".to_vec()), ..expected };
        assert_eq!(read_line(&format!("qemu-system-x86_64 {options}")).monitors, [expected], "{options}");
    }
    let qmp = |backend, server| spec(Language::Qmp, backend, server);
    let socket = "-chardev socket,id=m";
    check(&format!("{socket},path=/q,server=on,wait=off -mon chardev=m,mode=control"), qmp(unix("/q"), true));
    check(&format!("-mon m,mode=control,pretty=on -{socket},path=/q,server=on"), qmp(unix("/q"), true));
    check("-chardev id=m,backend=socket,path=/q -mon chardev=m,mode=control", qmp(unix("/q"), false));
    check(&format!("{socket},host=::1,port=44,server=on -mon mode=control,chardev=m"), qmp(tcp("::1", 44), true));
    check(&format!("{socket},port=44,server=on -qmp chardev:m"), qmp(tcp("", 44), true));
    check(&format!("{socket},fd=23,server=on,wait=off -mon chardev=m,mode=control"), qmp(Backend::Fd(23), true));
    check(
        &format!("{socket},fd=mon0 -mon chardev=m,mode=control"),
        qmp(Backend::Other("descriptor mon0".into()), false),
    );
    check(&format!("{socket},path=/q,server=on -mon chardev=m"), spec(Language::Hmp, unix("/q"), true));
    check(&format!("{socket},path=/q,server=on -mon m,mode=readline"), spec(Language::Hmp, unix("/q"), true));
    let object = |object: &str| format!("{socket},path=/q,server=on {object}");
    check(&object("-object monitor-qmp,id=x,chardev=m"), qmp(unix("/q"), true));
    check(&object("--object qom-type=monitor-qmp,id=x,chardev=m,pretty=on,close-action=delete"), qmp(unix("/q"), true));
    let json = r#"{"qom-type":"monitor-qmp","id":"x","chardev":"m","pretty":true}"#;
    check(&object(&format!("-object {json}")), qmp(unix("/q"), true));
    check(&object("-object monitor-hmp,id=x,chardev=m,readline=off"), spec(Language::Hmp, unix("/q"), true));
    check("-chardev pty,id=m -mon m,mode=control", qmp(Backend::Other("pty".into()), false));
    check("-mon m,mode=control", qmp(Backend::Other("a chardev that the command line does not name".into()), false));
    check(
        &format!("{socket},port=44,server=on,tls-creds=t -mon m,mode=control"),
        Spec { wrapper: Some("TLS"), ..qmp(tcp("", 44), true) },
    );
}

#[test]
fn monitors_of_storage_daemons_are_read() {
    #[track_caller]
    fn check(options: &str) {
        let line = read_line(&format!("/usr/bin/qemu-storage-daemon {options}"));
        let expected = Spec { id: Some(b"c".to_vec()), ..spec(Language::Qmp, unix("q.sock"), true) };
        assert_eq!(line.monitors, [expected], "{options}");
    }
    let chardev = "socket,id=c,path=q.sock,server=on,wait=off";
    check(&format!("--chardev {chardev} --monitor chardev=c"));
    check(&format!("--chardev={chardev} --monitor=c,pretty=on"));
    check(&format!("--chardev={chardev} --object=monitor-qmp,id=x,chardev=c"));
    check(&format!(r#"--chardev {chardev} --monitor {{"chardev":"c","mode":"control"}}"#));
}

#[test]
fn other_options_are_not_monitors() {
    assert_eq!(read_line("qemu-system-x86_64 -qmp none -monitor none").monitors, []);
    assert_eq!(read_line("qemu-system-x86_64 -drive file=-qmp -append qmp").monitors, []);
    assert_eq!(read_line("qemu-system-x86_64 -serial unix:/s,server=on -chardev socket,id=c,path=/x").monitors, []);
    assert_eq!(read_line("qemu-system-x86_64 -object iothread,id=monitor-qmp -object {").monitors, []);
    assert_eq!(read_line("qemu-system-x86_64 -qmp").monitors, []);
    assert_eq!(read(b"", b""), CommandLine::default());
    assert!(read_line("qemu-system-x86_64 -readconfig f").reads_config);
}

proptest! {
    #[test]
    fn no_command_line_panics(words in proptest::collection::vec(
        prop_oneof![
            proptest::sample::select(vec![
                "-qmp", "--mon", "-chardev", "-object", "monitor-qmp,", "-name", "chardev=m", "socket,id=m", "unix:", "tcp::", "tcp:[", ",fd=", "\0",
            ]).prop_map(|word| word.as_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..10),
        ], 0..10)) {
        let line = words.join(&0);
        read(&line, b"qemu-system-x86_64");
        read(&line, b"qemu-storage-daemon");
    }
}
