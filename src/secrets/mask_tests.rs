use proptest::prelude::*;

use super::*;

#[test]
fn secrets_in_messages_are_masked() {
    let check = |json: &str, expected: &str| assert_eq!(mask(json), expected);
    check(
        r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"x"},"id":1}"#,
        r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"***"},"id":1}"#,
    );
    check(r#"{"a": {"pass\u0077ord" : 1234 , "b":1}}"#, r#"{"a": {"pass\u0077ord" : "***" , "b":1}}"#);
    check(r#"{"cookie":["a",{"b":"c"}],"z":1}"#, r#"{"cookie":"***","z":1}"#);
    check(r#"{"password":"a\"b","z":"c"}"#, r#"{"password":"***","z":"c"}"#);
    check(
        r#"{"execute":"object-add","arguments":{"data":"x","qom-type":"secret","id":"data"}}"#,
        r#"{"execute":"object-add","arguments":{"data":"***","qom-type":"secret","id":"data"}}"#,
    );
    check(
        r#"{"arguments":{"data":"x","id":"s"},"execute":"object-add"}"#,
        r#"{"arguments":{"data":"***","id":"s"},"execute":"object-add"}"#,
    );
    check(
        r#"{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"x"}]}}"#,
        r#"{"execute":"send-key","arguments":{"keys":"***"}}"#,
    );
    check(
        r#"{"execute":"guest-exec","arguments":{"path":"/bin/sh","env":["A=b"],"input-data":"eA=="}}"#,
        r#"{"execute":"guest-exec","arguments":{"path":"/bin/sh","env":"***","input-data":"***"}}"#,
    );
    check(
        r#"{"execute":"guest-file-write","arguments":{"handle":1,"buf-b64":"eA=="}}"#,
        r#"{"execute":"guest-file-write","arguments":{"handle":1,"buf-b64":"***"}}"#,
    );
    check(
        r#"{"execute":"human-monitor-command","arguments":{"command-line":"change vnc password x"}}"#,
        r#"{"execute":"human-monitor-command","arguments":{"command-line":"***"}}"#,
    );
    check(
        r#"{"execute":"qom-set","arguments":{"path":"/objects/s","property":"data","value":"x"}}"#,
        r#"{"execute":"qom-set","arguments":{"path":"/objects/s","property":"data","value":"***"}}"#,
    );
    check(
        r#"{"execute":"blockdev-add","arguments":{"filename":"https://user:x@h:1/f?a@b"}}"#,
        r#"{"execute":"blockdev-add","arguments":{"filename":"https://***@h:1/f?a@b"}}"#,
    );
    check(r#"{"f":"https:\/\/user:x@h/f"}"#, r#"{"f":"***"}"#);
    check(r#"{"f":"rbd:p/i:id=a:key=x"}"#, r#"{"f":"***"}"#);
    check(
        r#"{"return": [{"file": "json:{\"driver\":\"https\",\"password\":\"x\"}"}]}"#,
        r#"{"return": [{"file": "json:***"}]}"#,
    );
    check(r#"{"f":"json:{\"f\":\"json:{\\\"password\\\":1}\"}"}"#, r#"{"f":"json:***"}"#);
    check(r#"{"f":"json:{'password':'x'}"}"#, r#"{"f":"json:***"}"#);
    check(r#"{"password":1}{"cookie":2}"#, r#"{"password":"***"}{"cookie":"***"}"#);
    check(r#"{"f":"https://u:S@h/ https://v:S@h/"}"#, r#"{"f":"https://***@h/ https://***@h/"}"#);
    check(r#"{"f":"https://u:it'sS@h/f"}"#, r#"{"f":"https://***@h/f"}"#);
    check(r#"{"f":"https://u:a/S@h/f"}"#, r#"{"f":"https://***@h/f"}"#);
    check(r#"{"f":"https:\/\/u:S\u0040h/f"}"#, r#"{"f":"***"}"#);
    check(r#"{"driver":"x,password=S"}"#, r#"{"driver":"***"}"#);
    check(
        r#"{"execute":"guest-exec","arguments":{"path":"/bin/mysql","arg":["-pS"]}}"#,
        r#"{"execute":"guest-exec","arguments":{"path":"/bin/mysql","arg":"***"}}"#,
    );
    check(
        r#"{"return": [{"properties": [{"name": "data", "type": "string", "value": "S"}, {"name": "id", "value": "s"}]}]}"#,
        r#"{"return": [{"properties": [{"name": "data", "type": "string", "value": "***"}, {"name": "id", "value": "s"}]}]}"#,
    );
    check(r#"{"return": [{"value": "S", "na"#, r#"{"return": [{"value": "***", "na"#);
}

#[test]
fn places_are_masked_whatever_their_names_are() {
    let request = r#"{"execute":"qom-set","arguments":{"property":"foo","value":"S"},"id":1}"#;
    let place = request.find("\"S\"").unwrap();
    assert_eq!(mask_places(request, std::slice::from_ref(&(place..place + 3))), request.replace('S', "***"));
}

#[test]
fn commands_whose_replies_are_secrets_are_known() {
    let check = |request: &str, expected: bool| assert_eq!(reveals(request), expected, "{request}");
    check(r#"{"execute":"qom-get","arguments":{"path":"/objects/s","property":"data"},"id":1}"#, true);
    check(r#"{"execute":"qom-get","arguments":{"property":"x-secret-password","path":"/o"}}"#, true);
    check(r#"{"execute":"qom-get","arguments":{"path":"/objects/s","property":"format"}}"#, false);
    check(r#"{"execute":"qom-set","arguments":{"path":"/o","property":"data","value":"S"}}"#, false);
    check(r#"{"execute":"human-monitor-command","arguments":{"command-line":" qom-get /objects/s data"}}"#, true);
    check(r#"{"execute":"human-monitor-command","arguments":{"command-line":"info data"}}"#, false);
}

#[test]
fn a_reply_to_an_unknown_command_is_shown_without_its_text() {
    let check = |reply: &str, expected: &str| assert_eq!(excerpt(reply.as_bytes(), 80), expected);
    check(r#"{"return": "S", "id": 1}"#, r#"{"return": "***", "id": 1}"#);
    check(r#"{"return": "S"#, r#"{"return": "***""#);
    check(r#"{"return": {"name": "x"}}"#, r#"{"return": {"name": "x"}}"#);
    check(r#"{"event": "X", "data": {"return": "x"}}"#, r#"{"event": "X", "data": {"return": "x"}}"#);
}

#[test]
fn what_was_cut_off_does_not_leak() {
    let check = |json: &str, expected: &str| assert_eq!(mask(json), expected);
    check(
        r#"{"execute":"set_password","arguments":{"password":"hun"#,
        r#"{"execute":"set_password","arguments":{"password":"***""#,
    );
    check(r#"{"password":{"a":["hun"#, r#"{"password":"***""#);
    check(r#"{"password":""#, r#"{"password":"***""#);
    check(r#"{"arguments":{"data":"hunter2"#, r#"{"arguments":{"data":"***""#);
    check(r#"{"f":"https://user:hun@h"#, r#"{"f":"https://***@h"#);
    check(r#"{"f":"json:{\"password\":\"hun"#, r#"{"f":"json:***""#);
    check(r#"{"event": "X", "data": {"a": "b"#, r#"{"event": "X", "data": {"a": "b"#);
    check("{'execute': 'set_password', 'arguments': {'password': 'x'}}", "***");
    check("set_password protocol=vnc password=x", "***");
    check(r#"{"a":1} password=x"#, "***");
}

#[test]
fn all_else_is_left_alone() {
    for json in [
        "",
        "query-status",
        r#"{"execute":"query-status","id":1}"#,
        r#"{"execute":"blockdev-add","arguments":{"password-secret":"s0","url":"https://h/a@b"}}"#,
        r#"{"execute":"object-add","arguments":{"qom-type":"secret","id":"secret0","file":"/etc/key"}}"#,
        r#"{"event": "X", "data": {"keys": 1, "data": 2, "env": 3, "value": 4}}"#,
        r#"{"execute":"qom-set","arguments":{"path":"/machine","property":"graphics","value":true}}"#,
        r#"{"execute":"human-monitor-command","arguments":{"command-line":"info block"}}"#,
        r#"{"password": null}"#,
        r#"{"return": inf, "id": 1}"#,
        r#"{"f":"json:{\"driver\":\"file\"}"}"#,
    ] {
        assert!(matches!(mask(json), Cow::Borrowed(same) if same == json), "{json}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_json_stays_json(parts in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ":", ",", "\"", "\\", "é", "password", "\"password\":", "\"data\":", "json:", "://", "@", "1", " ",
    ]), 0..40)) {
        let text = parts.concat();
        let masked = mask(&text);
        if serde_json::from_str::<serde_json::Value>(&text).is_ok() && text.trim_start().starts_with('{') {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok(), "{}", masked);
        }
        in_text(&text, "");
    }

    #[test]
    fn no_cut_leaks(cut in 0_usize..120) {
        let message = r#"{"arguments":{"qom-type":"secret","id":"s","data":"HUNTER2","password":"HUNTER2"},"execute":"object-add"}"#;
        let cut = cut.min(message.len());
        prop_assert!(!mask(&message[..cut]).contains("HUN"));
    }
}
