//! The queries that the shell sends to type an argument, on a mock.

use crate::support::mock::Mock;
use crate::support::qmpsh;

const SCHEMA: &str = r#"[
    {"name":"set","meta-type":"command","arg-type":"1","ret-type":"0"},
    {"name":"device_add","meta-type":"command","arg-type":"2","ret-type":"0"},
    {"name":"0","meta-type":"object","members":[]},
    {"name":"1","meta-type":"object","members":[{"name":"id","type":"str"},{"name":"size","type":"int","default":null}]},
    {"name":"2","meta-type":"object","members":[{"name":"driver","type":"str"}]},
    {"name":"str","meta-type":"builtin","json-type":"string"},
    {"name":"int","meta-type":"builtin","json-type":"int"}]"#;

#[test]
fn no_query_is_sent_if_a_value_can_only_be_a_string() {
    let mock = Mock::new()
        .negotiate()
        .expect(r#"{"execute":"device_del","arguments":{"id":"net0"}}"#)
        .reply("{}")
        .expect(r#"{"execute":"device_add","arguments":{"driver":"x","id":"5","n":"0x10"}}"#)
        .reply("{}")
        .expect(r#"{"execute":"set","arguments":{"id":"5","size":10}}"#)
        .reply("{}")
        .unix();
    let lines = "device_del id=net0\ndevice_add driver=x id=5 n=0x10\nset id=\"5\" size:=10\n";
    qmpsh().arg(mock.socket()).stdin(lines).run().stdout("{}\n{}\n{}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn the_schema_is_queried_once_a_session() {
    let mock = Mock::new()
        .negotiate()
        .expect_text(r#"{"execute":"query-qmp-schema","id":1}"#)
        .reply(SCHEMA)
        .expect(r#"{"execute":"set","arguments":{"id":"1","size":1024}}"#)
        .reply("{}")
        .expect(r#"{"execute":"set","arguments":{"id":"2","size":16}}"#)
        .reply("{}")
        .unix();
    qmpsh()
        .arg(mock.socket())
        .stdin("set id=1 size=1k\nset id=2 size=0x10\n")
        .run()
        .stdout("{}\n{}\n")
        .stderr("")
        .status(0);
    mock.finish();
}

#[test]
fn without_a_schema_values_have_the_type_they_look_like() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-qmp-schema")
        .error("CommandNotFound", "The command query-qmp-schema has not been found")
        .expect(r#"{"execute":"set","arguments":{"id":1,"size":"1k","x":true}}"#)
        .reply("{}")
        .expect(r#"{"execute":"set","arguments":{"id":2}}"#)
        .reply("{}")
        .unix();
    qmpsh().arg(mock.socket()).stdin("set id=1 size=1k x=True\nset id=2").run().stdout("{}\n{}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn the_type_of_a_property_is_queried() {
    let mock = Mock::new()
        .negotiate()
        .expect(r#"{"execute":"qom-list","arguments":{"path":"/m\"1"}}"#)
        .reply(r#"[{"name":"x","type":"string"},{"name":"y","type":"uint8"}]"#)
        .expect(r#"{"execute":"qom-set","arguments":{"path":"/m\"1","property":"y","value":16}}"#)
        .reply("{}")
        .expect_execute("qom-list")
        .error("DeviceNotFound", "Device '/none' not found")
        .expect(r#"{"execute":"qom-set","arguments":{"path":"/none","property":"y","value":"0x10"}}"#)
        .reply("{}")
        .unix();
    let lines = "qom-set path=/m\"1 property=y value=0x10\nqom-set path=/none property=y value=0x10\n";
    qmpsh().arg(mock.socket()).stdin(lines).run().stdout("{}\n{}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn an_unrelated_refusal_sends_no_query() {
    let mock = Mock::new().negotiate().expect_execute("set").error("DeviceNotFound", "Device 'x' not found").unix();
    qmpsh().arg(mock.socket()).args(["set", "id=x"]).run().status(1);
    mock.finish();
}

#[test]
fn an_unanswered_schema_query_ends_the_command() {
    let mock = Mock::new().negotiate().expect_execute("query-qmp-schema").unix();
    let output = qmpsh().args(["-t", "0.05"]).arg(mock.socket()).args(["set", "size=5"]).run();
    output.stdout("").stderr_contains("no reply to `query-qmp-schema` within 0.05 s").status(5);
    mock.finish();
    let mock = Mock::new().negotiate().expect_execute("query-qmp-schema").close().unix();
    qmpsh().arg(mock.socket()).args(["set", "size=5"]).run().stdout("").status(4);
    mock.finish();
}

#[test]
fn an_invalid_schema_counts_as_none() {
    for schema in ["{}", "[1]", r#"[{"name":"set","meta-type":"command","arg-type":"gone"}]"#] {
        let mock = Mock::new()
            .negotiate()
            .expect_execute("query-qmp-schema")
            .reply(schema)
            .expect(r#"{"execute":"set","arguments":{"size":5}}"#)
            .reply("{}")
            .unix();
        qmpsh().arg(mock.socket()).args(["set", "size=5"]).run().stdout("{}\n").status(0);
        mock.finish();
    }
}
