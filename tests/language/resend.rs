//! Sending a command again with the types that its refusals name, on a mock.

use crate::shell::{at_prompt, is_at_prompt};
use crate::support::mock::Mock;
use crate::support::qmpsh;

const GENERIC: &str = "GenericError";
const INTEGER: &str = "Parameter 'n' expects uint64";
const BOOLEAN: &str = "Invalid parameter type for 'on', expected: boolean";

/// What `device_add driver=x n=0x10 on=yes m=5` sends, with these two values.
fn sent(n: &str, on: &str) -> String {
    format!(r#"{{"execute":"device_add","arguments":{{"driver":"x","n":{n},"on":{on},"m":"5"}}}}"#)
}

const LINE: &str = "device_add driver=x n=0x10 on=yes m=5";

/// A peer that refuses both arguments, one after the other, in both wordings.
fn refusing(mock: Mock) -> Mock {
    mock.expect(&sent("\"0x10\"", "\"yes\""))
        .error(GENERIC, BOOLEAN)
        .expect(&sent("\"0x10\"", "true"))
        .error(GENERIC, INTEGER)
        .expect(&sent("16", "true"))
}

#[test]
fn a_command_is_resent_per_refused_argument() {
    let mock = refusing(Mock::new().negotiate()).reply("{}").unix();
    qmpsh().arg(mock.socket()).args(["-o", "raw", "-c", LINE]).run().stdout("{\"return\": {}}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn an_argument_is_converted_only_once() {
    let mock = refusing(Mock::new().negotiate()).error(GENERIC, "Parameter 'n' expects uint8_t").refuse_schema().unix();
    let output = qmpsh().arg(mock.socket()).args(["-c", LINE]).run();
    output.stdout("").stderr("-c:1: GenericError: Parameter 'n' expects uint8_t\n").status(1);
    mock.finish();
    let mock = refusing(Mock::new().negotiate()).error(GENERIC, "Bus 'pci.0' not found").unix();
    let output = qmpsh().arg(mock.socket()).args(["-c", LINE, "-c", "query-name"]).run();
    output
        .stdout("")
        .stderr_contains("-c:1: GenericError: Bus 'pci.0' not found\n  hint: bus= names another bus; ")
        .status(1);
    mock.finish();
}

#[test]
fn an_argument_that_cannot_be_converted_has_a_hint() {
    let rows = [
        ("on=maybe", BOOLEAN, "\n  hint: cannot read `on` as boolean; use `on:=VALUE` to send JSON"),
        ("n=010", INTEGER, "\n  hint: cannot read `n` as uint64; use `n:=VALUE` to send JSON"),
        ("n=5", "Parameter 'n' expects an integer between 0 and 3", ""),
        ("n=5", "Parameter 'driver' expects a pluggable device type", ""),
    ];
    for (argument, refusal, hint) in rows {
        let mock = Mock::new().negotiate().expect_execute("device_add").error(GENERIC, refusal).refuse_schema().unix();
        let output = qmpsh().arg(mock.socket()).args(["device_add", "driver=x", argument]).run();
        output.stdout("").stderr(&format!("GenericError: {refusal}{hint}\n")).status(1);
        mock.finish();
    }
}

#[test]
fn later_lines_wait_for_a_resend() {
    let mock = Mock::new().negotiate().expect_execute("before").expect_silence().reply("1");
    let mock = mock.expect(&sent("\"0x10\"", "\"yes\"")).expect_silence().error(GENERIC, BOOLEAN);
    let mock = mock.expect(&sent("\"0x10\"", "true")).expect_silence().error(GENERIC, INTEGER);
    let mock = mock.expect(&sent("16", "true")).expect_silence().reply("2");
    // What has no word to convert is sent with the others.
    let mock = mock.expect_execute("after").expect_execute("device_add").expect_execute("last");
    let mock = mock.reply("3").reply("4").reply("5").unix();
    let lines = format!("before\n{LINE}\nafter\ndevice_add driver=x id=y\nlast\n");
    let output = qmpsh().args(["-k", "--pipeline", "16"]).arg(mock.socket()).stdin(lines).run();
    output.stdout("1\n2\n3\n4\n5\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn built_in_commands_resend_too_but_oob_does_not() {
    let mock = refusing(refusing(Mock::new().negotiate()).reply("{}")).error("DeviceNotFound", "no");
    let mock = refusing(refusing(mock).reply("{}")).reply("{}");
    let mock = refusing(mock).reply("{}");
    // Out of band nothing is sent again.
    let mock = mock.expect(&sent("\"0x10\"", "\"yes\"").replace("execute", "exec-oob")).error(GENERIC, BOOLEAN);
    let mock = mock.refuse_schema().unix();
    let lines = [
        LINE,
        &format!(".try {LINE}"),
        &format!(".watch 0 count=2 {LINE}"),
        &format!(".fd /dev/null {LINE}"),
        &format!(".oob {LINE}"),
    ];
    let lines = lines.map(|line| ["-c".to_owned(), line.to_owned()]).concat();
    let output = qmpsh().arg(mock.socket()).args(lines).run();
    output.stdout("{}\n{}\n{}\n{}\n").status(1);
    output.stderr_contains("-c:2: DeviceNotFound: no\n").stderr_contains(&format!("-c:5: GenericError: {BOOLEAN}\n"));
    assert_eq!(output.stderr_text().matches("Error").count(), 1, "{output}");
    mock.finish();
}

#[test]
fn a_resend_is_within_the_timing_and_the_timeout() {
    let mock = refusing(Mock::new().negotiate()).reply("{}").unix();
    let output = qmpsh().arg(mock.socket()).args(["-c", ".timing on", "-c", LINE]).run();
    assert_eq!(output.status(0).stdout("{}\n").stderr_text().matches("time: ").count(), 1);
    mock.finish();
    let mock = refusing(Mock::new().negotiate()).unix();
    let output = qmpsh().args(["-t", "0.2"]).arg(mock.socket()).args(["-c", LINE]).run();
    output.stdout("").stderr("-c:1: no reply to `device_add` within 0.2 s: it may still be running\n").status(5);
    mock.finish();
}

#[test]
fn a_connection_lost_during_a_resend_is_reported() {
    let mock = refusing(Mock::new().negotiate()).close().unix();
    let output = qmpsh().arg(mock.socket()).args(["-c", LINE]).run();
    output.stdout("").stderr_contains("so whether it ran is unknown").status(4);
    mock.finish();
}

#[test]
fn a_command_is_resent_at_the_prompt() {
    let mock = refusing(Mock::interactive().negotiate()).reply(r#"{"done": true}"#);
    let mock = mock.expect_execute("device_add").error(GENERIC, BOOLEAN).unix();
    let mut t = at_prompt(qmpsh().arg(mock.socket()));
    t.type_keys(&format!("{LINE}\r"));
    let screen = t.wait(|screen| screen.text().contains("\"done\": true") && is_at_prompt(screen));
    assert!(!screen.text().contains("GenericError"), "{}", screen.text());
    t.type_keys("device_add driver=x on=maybe\r");
    t.wait_for("hint: cannot read `on` as boolean; use `on:=VALUE` to send JSON");
    drop(t);
    mock.finish();
}

/// Whatever the peer says, there are no more commands than arguments.
#[test]
fn there_are_at_most_as_many_resends_as_arguments() {
    let refusal = |n: usize| format!("Parameter 'a{n}' expects int");
    let mut mock = Mock::new().negotiate();
    for n in 0..500 {
        mock = mock.expect_execute("device_add").error(GENERIC, &refusal(n));
    }
    let mock = mock.refuse_schema().unix();
    let line: Vec<String> = (0..500).map(|n| format!("a{n}={n}")).collect();
    let output = qmpsh().arg(mock.socket()).arg("device_add").args(line).run();
    output.stdout("").stderr_contains("GenericError: Parameter 'a499' expects int").status(1);
    mock.finish();
}

#[test]
fn values_of_type_any_are_converted() {
    const SCHEMA: &str = r#"[
        {"name":"set","meta-type":"command","arg-type":"1","ret-type":"0"},
        {"name":"0","meta-type":"object","members":[]},
        {"name":"1","meta-type":"object","members":[{"name":"id","type":"str"},{"name":"props","type":"any"}]},
        {"name":"str","meta-type":"builtin","json-type":"string"},
        {"name":"any","meta-type":"builtin","json-type":"value"}]"#;
    let sent = |avx: &str, model: &str| {
        format!(
            r#"{{"execute":"set","arguments":{{"id":"5","props":{{"avx":{avx},"model":{model},"sse4.1":"on","list":[1]}}}}}}"#
        )
    };
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-qmp-schema")
        .reply(SCHEMA)
        .expect(&sent("\"on\"", "5"))
        .error(GENERIC, "Invalid parameter type for 'props.avx', expected: boolean")
        .expect(&sent("true", "5"))
        .error(GENERIC, "Invalid parameter type for 'model', expected: string")
        .expect(&sent("true", "\"5\""))
        .reply("{}")
        .unix();
    let line = "set id=5 props.avx=on props.model=5 props.sse4.1=on props.list.0=1";
    qmpsh().arg(mock.socket()).args(["-c", line]).run().stdout("{}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn a_qemu_that_ignores_lists_in_device_add_is_warned_of() {
    let greeting = |version: &str| {
        let [major, minor, micro] = version.split('.').collect::<Vec<_>>()[..] else { panic!("{version}") };
        let version = format!(r#"{{"qemu": {{"micro": {micro}, "minor": {minor}, "major": {major}}}, "package": ""}}"#);
        Mock::new().send(format!("{{\"QMP\": {{\"version\": {version}, \"capabilities\": []}}}}\r\n"))
    };
    let line = "device_add driver=x map.0.iothread=io0 map.1.vqs.0=1 sse4.1=on map.1.iothread=io1";
    let sent = |vq: &str| {
        let map = format!(r#"[{{"iothread":"io0"}},{{"vqs":[{vq}],"iothread":"io1"}}]"#);
        format!(r#"{{"execute":"device_add","arguments":{{"driver":"x","map":{map},"sse4.1":"on"}}}}"#)
    };
    let warning = |version: &str| {
        format!("-c:1: warning: QEMU {version} ignores `map`; lists and objects in device_add need QEMU 9.2 or later\n")
    };
    for (version, warning) in [
        ("7.2.22", warning("7.2.22")),
        ("9.1.0", warning("9.1.0")),
        ("9.2.0", String::new()),
        ("10.0.1", String::new()),
    ] {
        let mock = greeting(version).expect_execute("qmp_capabilities").reply("{}");
        let mock = mock.expect(&sent("\"1\"")).error(GENERIC, "Parameter 'map[1].vqs[0]' expects uint64");
        let mock = mock.expect(&sent("1")).reply("{}").unix();
        // Once for both.
        qmpsh().arg(mock.socket()).args(["-c", line]).run().stdout("{}\n").stderr(&warning).status(0);
        mock.finish();
    }
    // However it is written, and in every way of running it.
    let sent = r#"{"execute":"device_add","arguments":{"driver":"x","map":[]}}"#;
    let mock = (0..4).fold(Mock::new().negotiate(), |mock, _| mock.expect(sent).reply("{}")).unix();
    let lines = [
        "device_add driver=x map=[]",
        sent,
        ".timing on",
        "device_add driver=x map:=[]",
        ".try device_add driver=x map=[]",
    ];
    let output = qmpsh().arg(mock.socket()).args(["--pipeline", "4", "-k"]).stdin(lines.join("\n")).run();
    assert_eq!(output.status(0).stderr_text().matches("warning: QEMU 7.2.22 ignores `map`").count(), 4);
    mock.finish();
    let mock = Mock::interactive().negotiate().expect(sent).reply("{}").unix();
    let mut t = at_prompt(qmpsh().arg(mock.socket()));
    t.type_keys("device_add driver=x map=[]\r");
    t.wait_for("warning: QEMU 7.2.22 ignores `map`");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    drop(t);
    mock.finish();
}
