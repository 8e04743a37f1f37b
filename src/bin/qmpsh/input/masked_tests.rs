use super::*;

/// The masked text with `<…>` around the place that is between them in `line`.
fn marked(line: &str, mask: impl Fn(&str) -> Masked) -> String {
    let start = line.find('<').unwrap();
    let line = line.replacen('<', "", 1);
    let end = line.find('>').unwrap();
    let line = line.replacen('>', "", 1);
    let masked = mask(&line);
    let span = masked.span(Span::new(start, end));
    format!("{}<{}>{}", &masked.text[..span.start], span.of(&masked.text), &masked.text[span.end..])
}

#[test]
fn a_line_is_masked_from_its_first_secret_on() {
    let check = |line: &str, expected: &str| assert_eq!(Masked::line(line).text, expected, "{line}");
    check("block_resize id=x oops", "block_resize id=x oops");
    check("set_password protocol=vnc password=S oops", "set_password protocol=vnc password=***");
    check("set_password password=\"hun ter\" protocol=", "set_password password=\"***");
    check("set_password password='S", "set_password password='***");
    check("x password=[S", "x password=***");
    check("x password:=[1,S]", "x password:=***");
    check("x password==S", "x password==***");
    check("x password=@file cookie=c y", "x password=@file cookie=***");
    check("object-add qom-type=secret id=s data=correct S", "object-add qom-type=secret id=s data=***");
    check("object-add qom-type=secret id=s S", "object-add qom-type=secret id=s ***");
    check("object-add qom-type=\"secret data=S", "object-add qom-type=\"***");
    check("object-add qom-type=secret props={\"data\":\"S\"}", "object-add qom-type=secret props=***");
    check("device_add driver=x,password=S", "device_add driver=***");
    check("device_add x,password=S", "device_add x,password=***");
    check("object_add secret,id=s,file=/k", "object_add secret,id=s,file=/k");
    check("object_add secret,id=s,data=S", "object_add secret,id=s,data=***");
    check("change vnc password S", "change vnc password ***");
    check("(qemu) set_password vnc S", "(qemu) set_password ***");
    check("set_password vnc S", "set_password ***");
    check("set_password(vnc, S)", "set_password***");
    check(".set_password password=S", ".set_password password=***");
    check(".wach 1 set_password password=S", ".wach 1 set_password ***");
    check(".try set_password password=S", ".try set_password password=***");
    check(".watch 1 count=2 x-y secret=S", ".watch 1 count=2 x-y secret=***");
    check(".oob .try object-add data=S", ".oob .try object-add data=***");
    check(".hmp object_add secret,id=s,data=S", ".hmp object_add secret,id=s,data=***");
    check(".hmp drive_add 0 file=rbd:p/i:key=S", ".hmp drive_add 0 file=rbd:p/i:key=***");
    check(".hmp qom-set /objects/s data S", ".hmp qom-set /objects/s data ***");
    check(".guest-exec timeout=5 /bin/mysql -pS", ".guest-exec timeout=5 /bin/mysql ***");
    check(".guest-exec /bin/ls", ".guest-exec /bin/ls");
    check("guest-exec path=/bin/x arg=[\"S\"]", "guest-exec path=/bin/x arg=***");
    check("guest-exec path=/bin/x arg.0=S", "guest-exec path=/bin/x arg.0=***");
    check("qom-set path=/o property=data value=S", "qom-set path=/o property=data value=***");
    check("qom-set value=S path=/o property=data", "qom-set value=***");
    check("qom-set path=/m property=graphics value=on", "qom-set path=/m property=graphics value=on");
    check("blockdev-add url=https://u:S@h/f y", "blockdev-add url=***");
    check("x url=https://u:it'sS@h/f", "x url=***");
    check("x url=https://u:a/S@h/f", "x url=***");
    check("x url=https://u:S T@h/f", "x url=***");
    check("x url=https://h:80/f@1 y=[::1]", "x url=https://h:80/f@1 y=[::1]");
    check("x a=b # password=S", "x a=b # password=***");
    check("query-name | mysql --password=S", "query-name | mysql --password=***");
    check("query-name | curl https://u:S@h", "query-name | curl https://***");
    check("stop\nx password=p y", "stop\nx password=***");
    check("transaction(\na password=p\nb x", "transaction(\na password=***");
    check(r#"{"a": {"password": "S", "b": 1,}}"#, r#"{"a": {"password": "***"#);
    check(r#"{"a": {"password":S, "b": 1}}"#, r#"{"a": {"password":***"#);
    check(
        r#"{"execute":"object-add","arguments":{"data":"S"},}"#,
        r#"{"execute":"object-add","arguments":{"data":***"#,
    );
    check(r#"[{"execute":"x","arguments":{"password":"S"}}]"#, r#"[{"execute":"x","arguments":{"password":***"#);
    check("{'execute': 'x', 'arguments': {'password': 'S'}}", "{'execute': 'x', 'arguments': {'password': ***");
}

#[test]
fn words_are_masked_from_the_first_secret_on() {
    let check = |words: &[&str], expected: &str| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(Masked::words(&words).text, expected, "{words:?}");
    };
    check(&["stop", "x"], "stop x");
    check(&["set_password", "password=my S", "x="], "set_password password=***");
    check(&["set_password", "S"], "set_password ***");
    check(&[".try", "set_password", "password=p", "x"], ".try set_password password=***");
    check(&["blockdev-add", "password==p", "x"], "blockdev-add password==***");
    check(&["object-add", "props={data:S}"], "object-add props=***");
    check(&["x", "props={password:S}"], "x props=***");
    check(&[".hmp", "set_password", "vnc", "S"], ".hmp set_password ***");
    check(&[r#"{"execute":"x","arguments":{"password":"S"}}"#], r#"{"execute":"x","arguments":{"password":"***"#);
}

#[test]
fn a_place_is_that_of_the_masked_text() {
    let check = |line: &str, expected: &str| assert_eq!(marked(line, Masked::line), expected, "{line}");
    check("block_resize id=x <oops>", "block_resize id=x <oops>");
    check("<set_password> password=S", "<set_password> password=***");
    check("set_password password=S <oops>", "set_password password=<***>");
    check("set_password <password=S> oops", "set_password <password=***>");
    check("x password=S<>", "x password=<***>");
}

#[test]
fn words_quoted_in_a_message_about_a_secret_are_masked() {
    let check = |line: &str, place: Span, message: &str, expected: &str| {
        assert_eq!(Masked::line(line).hide(place, message.into()), expected);
    };
    let line = "set_password vnc S`x";
    check(line, Span::new(17, 20), "`S`x` is not KEY=VALUE\n  `line`", "`***` is not KEY=VALUE\n  `line`");
    check(line, Span::new(0, 12), "`set_password` is odd", "`set_password` is odd");
    check(line, Span::new(20, 20), "unexpected end", "unexpected end");
}

#[test]
fn typed_lines_with_a_secret() {
    for line in [
        "set_password protocol=vnc password=x",
        "  set_password protocol=vnc password=x",
        ".try set_password protocol=vnc password=x",
        "set_password protocol=vnc pass\\u0077ord=x",
        "change-vnc-password password==x",
        r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"x"}}"#,
        r#"{"execute":"set_password","arguments":{"protocol":"vnc","pass\u0077ord":"x"}} | jq ."#,
        "{'execute': 'set_password', 'arguments': {'password': 'x'}}",
        r#"{"execute":"set_password","arguments":{"password":"x"#,
        "object-add qom-type=secret id=s data=x",
        "object-add data:=\"x\" qom-type=secret id=s",
        "object-add qom-type=secret id=s props.data=x",
        "transaction(\nobject-add qom-type=secret id=s data=x\n)",
        "sev-inject-launch-secret packet-header=a secret=x",
        "x-thing \"secret\"=x",
        "x-thing options={'secret': 'x'}",
        "blockdev-add driver=https node-name=n url=https://h/f cookie=a=b",
        "blockdev-add driver=https node-name=n url=https://user:x@h/f",
        r"blockdev-add driver=https node-name=n url:=\u0022https:\/\/user:x@h/f",
        r#"blockdev-snapshot-sync device=d snapshot-file="json:{\"driver\":\"ssh\",\"password\":\"x\"}""#,
        "blockdev-add driver=raw file.filename=rbd:pool/image:id=admin:key=x:mon_host=h",
        "guest-set-user-password username=root password=x crypted=off",
        "guest-exec path=/bin/sh input-data=x",
        "guest-exec path=/bin/sh env=[\"PW=x\"]",
        "guest-exec path=/bin/sh env.0=PW=x",
        "guest-file-write handle=1 buf-b64=eA==",
        "send-key keys=[{\"type\":\"qcode\",\"data\":\"x\"}]",
        "input-send-event events=[]",
        "qom-set path=/objects/s property=data value=x",
        "human-monitor-command command-line=\"change vnc password x\"",
        ".hmp change vnc password x",
        ".hmp set_password vnc x",
        ".hmp sendkey x",
        ".hmp object_add secret,id=s,data=x",
        ".hmp drive_add 0 file=https://user:x@h/f",
        "device_add driver=x PassWord=x",
        ".oob x-login passphrase=x",
        ".tpye x",
        ".Typ layout=de x",
    ] {
        assert!(has_secret(line), "{line}");
    }
}

#[test]
fn typed_lines_without_one() {
    for line in [
        "",
        "query-status",
        "query-block | jq '.[].device' | sort",
        "device_add driver=virtio-net-pci id=0123 netdev=net0",
        r#"{"execute": "query-status"}"#,
        r#"{"execute":"object-add","arguments":{"qom-type":"iothread","id":"i"}}"#,
        "object-add qom-type=secret id=secret0 file=/etc/key",
        "blockdev-add driver=https node-name=n url=https://h/f@1 password-secret=secret0",
        "blockdev-add driver=luks node-name=n file=f key-secret=s",
        "expire_password protocol=vnc time=now",
        "guest-exec path=/bin/ls capture-output=on",
        "qom-set path=/machine property=graphics value=on",
        ".hmp info status",
        ".help set_password",
        ".commands *password*",
        ".evnets x",
        "migrate uri=tcp:host:4444",
        "human-monitor-command command-line=\"info block\"",
        r#"{"execute":"human-monitor-command","arguments":{"command-line":"info block"}}"#,
    ] {
        assert!(!has_secret(line), "{line}");
    }
}

#[test]
fn a_text_of_several_lines_has_a_secret_if_one_of_them_or_all_together_have() {
    for (text, expected) in [
        ("stop\ncont", false),
        ("{\"execute\": \"stop\"}\nset_password protocol=vnc password=x", true),
        ("stop\n{\"execute\": \"x\", \"arguments\": {\"password\": \"y\"}}", true),
        ("{\"execute\": \"x\", \"arguments\": {\"password\":\n\"y\"}}", true),
    ] {
        assert_eq!(has_secret(text), expected, "{text}");
    }
}

#[test]
fn no_secret_of_any_spelling_is_shown() {
    let mut shown = Vec::new();
    let mut check = |line: &str, what: &str, text: &str| {
        if planted::PARTS.iter().any(|part| text.contains(part)) {
            shown.push(format!("{what}: {line}\n    {text}"));
        }
    };
    for n in 0..planted::CASES {
        let line = planted::line(n);
        check(&line, "masked", &Masked::line(&line).text);
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        check(&line, "words", &Masked::words(&words).text);
        if !has_secret(&line) {
            check(&line, "history", &line);
        }
    }
    let count = shown.len();
    shown.truncate(20);
    assert!(shown.is_empty(), "{count} were shown:\n{}", shown.join("\n"));
}
