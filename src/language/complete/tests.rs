//! Lines with a cursor, on the sample schema.

use super::*;
use crate::schema::sample;

const BUILTINS: &[BuiltinCommand<'_>] = &[
    builtin("commands", "[PATTERN]", Takes::Command),
    builtin("events", "[on|off|EVENT...]", Takes::Events),
    builtin("fd", "PATH|NUMBER COMMAND", Takes::Descriptor),
    builtin("help", "[NAME]", Takes::Name),
    builtin("hmp", "[LINE]", Takes::HmpLine),
    builtin("job", "[timeout=S] [until=ready|pending|concluded] ID", Takes::Job),
    builtin("log", "[FILE|off]", Takes::File),
    builtin("click", "X Y [left|right]", Takes::Listed),
    builtin("oob", "COMMAND", Takes::Listed),
    builtin("output", "[auto|json|pretty|table|raw]", Takes::Listed),
    builtin("reconnect", "", Takes::Listed),
    builtin("show", "[as=tree|json|dot] [block|qom [WHAT]]", Takes::Show),
    builtin("source", "FILE", Takes::File),
    builtin("status", "", Takes::Listed),
    builtin("try", "COMMAND", Takes::Listed),
    builtin("wait", "[timeout=S] [fail=EVENT] EVENT[|EVENT...] [PATH=VALUE...]", Takes::EventAndData),
];

const fn builtin(name: &'static str, words: &'static str, takes: Takes) -> BuiltinCommand<'static> {
    BuiltinCommand { name, words, about: "what it does", takes }
}

/// A peer on which things exist.
#[derive(Debug)]
struct Fake;

impl Live for Fake {
    fn values(&self, question: &Question) -> Vec<LiveValue> {
        let of = |names: &[(&str, &str)]| {
            names.iter().map(|(name, about)| LiveValue { name: (*name).into(), about: (*about).into() }).collect()
        };
        match question {
            Question::Devices => of(&[("net0", "e1000"), ("my disk", "ide-hd")]),
            Question::Nodes => of(&[("node0", "file"), ("node1", "qcow2")]),
            Question::Drives => of(&[("drive0", "")]),
            Question::Jobs => of(&[("job0", "backup")]),
            Question::DeviceTypes => of(&[("e1000", ""), ("e1000e", ""), ("nvme", "")]),
            Question::Children(path) => match path.as_str() {
                "/" => of(&[("machine", "child<q35>"), ("objects", "child<container>")]),
                "/machine" => of(&[("peripheral", "child<container>"), ("peripheral-anon", "child<container>")]),
                "/machine/peripheral" => of(&[("net0", "child<e1000>")]),
                _ => Vec::new(),
            },
            Question::Properties(path) if path == "/machine" => of(&[("usb", "bool"), ("type", "string")]),
            Question::PropertiesOfType(ty) if ty == "nvme" => of(&[
                ("serial", "str"),
                ("x-fast", "bool"),
                ("realized", "bool"),
                ("bus", "str"),
                ("irq[0]", "child<irq>"),
            ]),
            Question::Hmp(None) => of(&[("info", "what there is"), ("quit", "")]),
            Question::Hmp(Some(command)) if command == "info" => of(&[("block", ""), ("blockstats", "")]),
            Question::Files(directory) if directory.is_empty() => {
                of(&[(".hidden", ""), ("disk.img", ""), ("dir/", "")])
            }
            Question::PeerFiles(directory) if directory == "/" => of(&[("etc/", ""), ("vmlinuz", "")]),
            Question::CpuPlaces(ty) if ty == "a-cpu" => {
                of(&[("core=10 socket=0", ""), ("core=9 socket=0", ""), ("core=9 socket=1", "")])
            }
            Question::Files(directory) if directory == "dir/" => of(&[("a b", "")]),
            _ => Vec::new(),
        }
    }
}

/// What Tab makes of the line at `^`: the line with the cursor, or if nothing is certain the candidates.
fn tab(line: &str) -> String {
    let schema = sample::schema();
    let context = Context { schema: Some(&schema), live: &Fake, builtins: BUILTINS, aliases: &[] };
    let cursor = line.find('^').unwrap();
    let line = line.replacen('^', "", 1);
    let completion = complete(&Lines::read(&*line), cursor, context);
    match completion.text {
        Some(text) => format!("{}{text}^{}", &line[..completion.span.start], &line[completion.span.end..]),
        None => completion.candidates.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(" "),
    }
}

fn check(line: &str, expected: &str) {
    assert_eq!(tab(line), expected, "{line}");
}

#[test]
fn commands_and_actions_are_completed() {
    check("re^", "resize ^");
    check("device-a^", "device_add ^");
    check("k^", "keys kinds");
    check("ki^ x=1", "kinds^ x=1");
    check("nosuch^", "");
    check("transaction(^", "transaction(resize ^");
    check("transaction( resize id=x; res^ )", "transaction( resize id=x; resize^ )");
    check(".try res^", ".try resize ^");
    check("nothing\nres^", "nothing\nresize ^");
    check("nothing | re^", "");
    check("# re^", "");
}

#[test]
fn names_of_arguments_are_completed() {
    check("resize ^", "id= size= x-fast=");
    check("resize id=1 ^", "size= x-fast=");
    check("resize ^ id=1", "size= x-fast=");
    check("resize s^", "resize size=^");
    check("resize id=1 i^", "");
    check("resize id=1 fast^", "resize id=1 x-fast=^");
    check("nothing ^", "");
    check("add ^", "driver= node-name= detached=");
    check("add driver=raw ^", "file= file. node-name= detached= offset= size=");
    check("add driver=raw file^", "file= file.");
    check("add driver=raw file.driver=file file.^", "filename= node-name= detached= size=");
    check("add driver=raw file.driver=file file.f^", "add driver=raw file.driver=file file.filename=^");
    check("add file.driver=file file.f^ driver=raw", "add file.driver=file file.filename=^ driver=raw");
    check("add driver=raw file=x ^", "node-name= detached= offset= size=");
    check("add driver=\"raw\" off^", "add driver=\"raw\" offset=^");
    check("kinds object^", "kinds object.^");
    check("kinds object.^", "id= size= x-fast=");
    check("kinds ints.^", "kinds ints.0=^");
    check("kinds ints.0=1 ints.^", "kinds ints.0=1 ints.1=^");
    check("kinds many.^", "kinds many.0.^");
    check("kinds many.0.i^", "kinds many.0.id=^");
    check("transaction(\nresize si^\n)", "transaction(\nresize size=^\n)");
    check("transaction( resize id=x ) ac^", "transaction( resize id=x ) actions.^");
    // Unstable properties are offered to those who begin to type them.
    check("device_add driver=nvme ^", "bus= id= serial=");
    check("device_add driver=nvme x^", "device_add driver=nvme x-fast=^");
    check("device_add ^", "driver= bus= id=");
}

#[test]
fn values_of_a_type_are_completed() {
    check("add driver=^", "file raw other");
    check("add driver=r^", "add driver=raw ^");
    check("add driver=\"r^", "add driver=\"raw\" ^");
    check("add driver='r^", "add driver='raw' ^");
    check("add driver==r^", "add driver==raw ^");
    check("add driver:=\"^", "\"file\" \"raw\" \"other\"");
    check("add driver:=\"f^", "add driver:=\"file\" ^");
    check("kinds bool=^", "true false");
    check("kinds bool=t^", "kinds bool=true ^");
    check("kinds bool=o^", "on off");
    check("kinds null=^", "kinds null=null ^");
    check("kinds bool:=f^", "kinds bool:=false ^");
    check("kinds int=^", "");
    check("kinds str=^", "");
    check("kinds any=^", "");
    check("kinds enum-or-object=^", "a b null");
    check("resize id=@d^", "resize id=@di^");
    check("resize id=@di^", "disk.img dir/");
    check("resize id=@dir/^", "resize id=@\"dir/a b\" ^");
    check("resize id=@\"dir/^", "resize id=@\"dir/a b\" ^");
    check("resize id=@.^", "resize id=@.hidden ^");
}

#[test]
fn values_that_exist_are_completed() {
    check("device_add driver=e^", "device_add driver=e1000^");
    check("device_add driver=nvme x-fast=^", "device_add driver=nvme x-fast=o^");
    check("device_add driver=nvme x-fast=o^", "on off");
    check("add file=no^ driver=raw", "add file=node^ driver=raw");
    check("qom-set path=^", "qom-set path=/^");
    check("qom-set path=/^", "machine objects");
    check("qom-set path=/m^", "qom-set path=/machine^");
    check("qom-set path=/machine^", "qom-set path=/machine/peripheral^");
    check("qom-set path=/machine/^", "qom-set path=/machine/peripheral^");
    check("qom-set path=/machine/peri^", "qom-set path=/machine/peripheral^");
    check("qom-set path=/machine/peripheral^", "peripheral peripheral-anon");
    check("qom-set path=/machine/peripheral/^", "qom-set path=/machine/peripheral/net0^");
    check("qom-set path=\"/machine/peri^", "qom-set path=\"/machine/peripheral^");
    check("qom-set path=relative^", "");
    check("qom-set path=/machine property=u^", "qom-set path=/machine property=usb ^");
    check("qom-set path=/machine property=usb value=^", "true false");
}

#[test]
fn bare_words_are_completed_like_their_arguments() {
    check("device_del n^", "device_del net0 ^");
    check("device_del m^", "device_del \"my disk\" ^");
    check("device_del \"my^", "device_del \"my disk\" ^");
    check(".try job-cancel ^", ".try job-cancel job0 ^");
    check("blockdev-del ^", "blockdev-del node^");
    check("qom-list /machine/peripheral/^", "qom-list /machine/peripheral/net0^");
    check("device_del net0 n^", "");
}

#[test]
fn names_of_branches_are_completed_before_the_tag_is_given() {
    check("add off^", "add offset=^");
    check("add driver=raw file.fi^", "add driver=raw file.file^");
    check("add driver=raw file.filen^", "add driver=raw file.filename=^");
    // Another branch has it.
    check("add driver=other off^", "");
    check("add driver=raw file.driver=other file.filen^", "");
}

#[test]
fn messages_in_json_are_completed() {
    check(r#"{"exec^"#, "execute exec-oob");
    check("{^", "execute arguments exec-oob id");
    check(r#"{"arg^"#, r#"{"arguments": ^"#);
    check(r#"{"execute": "res^"#, r#"{"execute": "resize"^"#);
    check(r#"{"execute": "res^"}"#, r#"{"execute": "resize^"}"#);
    check(r#"{"exec-oob": "se^"#, "");
    check(r#"{"execute": "resize", "arguments": {^"#, "id size x-fast");
    check(r#"{"execute": "resize", "arguments": {"s^"#, r#"{"execute": "resize", "arguments": {"size": ^"#);
    check(r#"{"arguments": {"id": "x", "^"}, "execute": "resize"}"#, "size x-fast");
    check(r#"{"execute": "resize", "arguments": {"id": "x" ^"#, "");
    check(r#"{"execute": "resize", "arguments": {"x-fast": ^"#, "true false");
    check(
        r#"{"execute": "resize", "arguments": {"x-fast": t^"#,
        r#"{"execute": "resize", "arguments": {"x-fast": true^"#,
    );
    check(r#"{"execute": "add", "arguments": {"driver": ^"#, "file raw other");
    check(r#"{"execute": "add", "arguments": {"driver": "r^"#, r#"{"execute": "add", "arguments": {"driver": "raw"^"#);
    check(
        r#"{"execute": "add", "arguments": {"driver": "raw", "file": {"driver": "file", "filen^"#,
        r#"{"execute": "add", "arguments": {"driver": "raw", "file": {"driver": "file", "filename": ^"#,
    );
    check(
        r#"{"execute": "kinds", "arguments": {"many": [{"id": "x"}, {"s^"#,
        r#"{"execute": "kinds", "arguments": {"many": [{"id": "x"}, {"size": ^"#,
    );
    check(
        r#"{"execute": "device_del", "arguments": {"id": "m^"#,
        r#"{"execute": "device_del", "arguments": {"id": "my disk"^"#,
    );
    check("{'execute': 'res^", "{'execute': 'resize'^");
    check("nothing\n{\"execute\": \"res^", "nothing\n{\"execute\": \"resize\"^");
    check(r#"{"arguments": {"^"#, "");
    check(r#"{"x": {"^"#, "");
    check(r#"{"execute": "x"} ^"#, "");
}

#[test]
fn files_of_the_peer_are_completed_from_the_root() {
    check("add driver=file filename=^", "add driver=file filename=/^");
    check("add driver=file filename=/^", "etc/ vmlinuz");
    check("add driver=file filename=/v^", "add driver=file filename=/vmlinuz ^");
    check("add driver=file filename=d^", "");
}

#[test]
fn a_cpu_is_placed_where_one_is_free() {
    check("device_add driver=a-cpu co^", "device_add driver=a-cpu core=^");
    check("device_add driver=a-cpu core=^", "9 10");
    check("device_add driver=a-cpu socket=1 core=^", "device_add driver=a-cpu socket=1 core=9 ^");
    check("device_add driver=b-cpu core=^", "");
}

#[test]
fn built_in_commands_are_completed() {
    check(".events -ST^", ".events -STOPPED^");
    check(".events o^", "on off");
    check(".events -o^", "");
    check(".wait clo^", ".wait closed^");
    check(".wait fail=clo^", ".wait fail=closed^");
    check(".oob res^", ".oob resize ^");
    check(".oob se^", "");
    check(".try .oob se^", "");
    check(".oob resize s^", ".oob resize size=^");
    check(".sta^", ".status^");
    check(".re^", ".reconnect^");
    check(".output ^", "auto json pretty table raw");
    check(".output t^", ".output table ^");
    check(".click 1 ^", "");
    check(".click 1 2 ^", "left right");
    check(".wait ST^", ".wait STOPPED^");
    check(".wait t^", ".wait timeout=^");
    check(".wait timeout=3 f^", ".wait timeout=3 fail=^");
    check(".wait fail=S^", ".wait fail=STOPPED^");
    check(".wait X|S^", ".wait X|STOPPED^");
    check(".help res^", ".help resize^");
    check(".help rec^", ".help reconnect^");
    check(".commands res^", ".commands resize^");
    check(".show ^", "block qom as=");
    check(".show as=^", "tree json dot");
    check(".show as=tree bl^", ".show as=tree block ^");
    check(".show block ^", "drive0 node0 node1");
    check(".show as=dot block dr^", ".show as=dot block drive0 ^");
    check(".show qom /machine/peripheral/^", ".show qom /machine/peripheral/net0^");
    check(".show block node0 ^", "");
    check(".job ^", "job0 timeout= until=");
    check(".job until=r^", ".job until=ready ^");
    check(".job job0 ^", "timeout= until=");
    check(".job job0 until=r^", ".job job0 until=ready ^");
    check(".wait STOPPED f^", ".wait STOPPED fail=^");
    check(".wait STOPPED fail=S^", ".wait STOPPED fail=STOPPED^");
    // Without a dot, as in other shells.
    check("help res^", "help resize^");
    check("? rec^", "? reconnect^");
    check(".hmp inf^", ".hmp info ^");
    check(".hmp info b^", ".hmp info block^");
    check(".hmp info block x^", "");
    check(".source di^", "disk.img dir/");
    check(".source ro:di^", "");
    check(".fd di^", "disk.img dir/");
    check(".fd ro:di^", "disk.img dir/");
    check(".fd ro:disk^", ".fd ro:disk.img ^");
    check(".fd wo:dir^", ".fd wo:dir/^");
    check(".source dir^", ".source dir/^");
    check(".log o^", ".log off ^");
    check(".nosuch ^", "");
    check(".status ^", "");
}

#[test]
fn lines_of_the_human_monitor_are_completed() {
    let context = Context { schema: None, live: &Fake, builtins: BUILTINS, aliases: &[] };
    let check = |line: &str, text: Option<&str>, names: &[&str]| {
        let found = complete_hmp(line, line.len(), context);
        let candidates: Vec<_> = found.candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        assert_eq!((found.text.as_deref(), candidates.as_slice()), (text, names), "{line}");
    };
    check("", None, &["info", "quit"]);
    check("in", Some("info "), &["info"]);
    check("info b", Some("block"), &["block", "blockstats"]);
    check("info block x", None, &[]);
    check(".stat", Some(".status"), &[".status"]);
    check("quit\nin", Some("info "), &["info"]);
}

#[test]
fn without_a_schema_only_built_in_commands_are_known() {
    let context = Context { schema: None, live: &Nothing, builtins: BUILTINS, aliases: &[] };
    let check = |line: &str, expected: &[&str]| {
        let found = complete(&Lines::read(line), line.len(), context);
        assert_eq!(found.candidates.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), expected, "{line}");
        assert_eq!(hint(&Lines::read(line), context), None, "{line}");
    };
    check("resize ", &[]);
    check("que", &[]);
    check("resize id=", &[]);
    check(".statu", &[".status"]);
}

#[test]
fn candidates_say_what_they_are() {
    let schema = sample::schema();
    let context = Context { schema: Some(&schema), live: &Fake, builtins: BUILTINS, aliases: &[] };
    let check = |line: &str, expected: &[(&str, &str)]| {
        let found = complete(&Lines::read(line), line.len(), context);
        let found: Vec<_> = found.candidates.iter().map(|c| (c.name.as_str(), c.about.as_str())).collect();
        assert_eq!(found, expected, "{line}");
    };
    check(
        "resize ",
        &[("id=", "string"), ("size=", "optional integer"), ("x-fast=", "unstable optional true or false")],
    );
    check("res", &[("resize", "deprecated id [size] [x-fast]")]);
    check(
        "add f",
        &[("filename=", "string"), ("file=", "string, null or object"), ("file.", "string, null or object")],
    );
    check("device_add driver=n", &[("nvme", "")]);
}

#[test]
fn a_hint_says_what_can_follow() {
    let schema = sample::schema();
    let context = Context { schema: Some(&schema), live: &Fake, builtins: BUILTINS, aliases: &[] };
    let check = |line: &str, expected: &str| {
        let hint = hint(&Lines::read(line), context).map(|hint| hint.text);
        assert_eq!(hint.unwrap_or_default(), expected, "{line}");
    };
    check("", "");
    check("resiz", "");
    check("resize", " id=string [size=integer] [x-fast=true|false unstable]");
    check("resize ", "id=string [size=integer] [x-fast=true|false unstable]");
    check("resize id=x ", "[size=integer] [x-fast=true|false unstable]");
    check("resize id=x", " [size=integer] [x-fast=true|false unstable]");
    check("resize id=", "string");
    check("resize si", "ze=integer");
    check("resize x", "-fast=true|false unstable");
    check("nothing ", "");
    check(r#"{"execute": "resize", "arguments": {"#, r#""id": string, ["size": integer], ["x-fast": true|false]"#);
    check(r#"{"execute": "resize", "arguments": {"size": 1, "#, r#""id": string, ["x-fast": true|false]"#);
    check(r#"{"execute": "resize", "arguments": {"si"#, "");
    check(r#"{"execute": "resize", "arguments": {}}"#, "");
    check("add ", "driver=file|raw|other [node-name=string] [detached=true|false]");
    check(
        "add driver=raw ",
        "file=string|null|object [node-name=string] [detached=true|false] [offset=integer] [size=string]",
    );
    check(
        "add driver=raw",
        " file=string|null|object [node-name=string] [detached=true|false] [offset=integer] [size=string]",
    );
    check("add driver=", "file|raw|other");
    check("add driver=raw file.", "driver=file|raw|other [node-name=string] [detached=true|false]");
    check("kinds obj", "ect.…");
    check("kinds object=", "object");
    check("set value=@", "file");
    check("resize id=\"x", "");
    check(".wait", " [timeout=S] [fail=EVENT] EVENT[|EVENT...] [PATH=VALUE...]");
    check(".wait ", "[timeout=S] [fail=EVENT] EVENT[|EVENT...] [PATH=VALUE...]");
    check(".status", "");
    check("transaction( resize ", "id=string [size=integer] [x-fast=true|false unstable]");
    check("transaction(\n", "ACTION KEY=VALUE… or )");
    check("transaction(\nresize id=x\n", "ACTION KEY=VALUE… or )");
    check("set value=[1,\n", "… ]");
    check("set value={\n", "… }");
    check("{\n", "… }");
    check("resize id=\"x\n", "… \"");
    check("resize id=x\n", "");
    check("nothing\nresize id=x ", "[size=integer] [x-fast=true|false unstable]");
}

#[test]
fn the_next_argument_of_a_hint_can_be_taken() {
    let schema = sample::schema();
    let context = Context { schema: Some(&schema), live: &Fake, builtins: BUILTINS, aliases: &[] };
    let check = |line: &str, expected: Option<&str>| {
        let next = hint(&Lines::read(line), context).and_then(|hint| hint.next);
        assert_eq!(next.as_deref(), expected, "{line}");
    };
    check("resize", Some(" id="));
    check("resize ", Some("id="));
    check("resize id=", None);
    check("resize id=x", Some(" size="));
    check("resize id=x size=1 ", Some("x-fast="));
    check("resize si", Some("ze="));
    check("kinds obj", Some("ect."));
    check("add driver=", None);
    check(".wait ", Some("timeout="));
    check(".output ", None);
    check("transaction(\n", None);
    check("set value=[1,\n", None);
}

/// The line with its colors: `k<…>`, `s<…>`, `l<…>`, `u<…>`.
fn painted(line: &str) -> String {
    let schema = sample::schema();
    let context = Context { schema: Some(&schema), live: &Fake, builtins: BUILTINS, aliases: &[] };
    let cursor = line.find('^').unwrap_or(line.len());
    let line = line.replacen('^', "", 1);
    let mut shown = String::new();
    let mut end = 0;
    for (span, color) in colors(&Lines::read(&*line), cursor, context) {
        let letter = match color {
            Color::Key => "k",
            Color::String => "s",
            Color::Number => "n",
            Color::Literal => "l",
            Color::Unknown => "u",
        };
        assert!(end <= span.start && span.start < span.end, "{line}: {span:?}");
        shown.push_str(&line[end..span.start]);
        shown.extend([letter, "<", span.of(&line), ">"]);
        end = span.end;
    }
    shown + &line[end..]
}

#[test]
fn each_part_of_a_line_has_its_color() {
    let check = |line: &str, expected: &str| assert_eq!(painted(line), expected, "{line}");
    check("", "");
    check("resize id=x size=10G", "resize k<id>=s<x> k<size>=n<10G>");
    check("resize siez=1", "resize u<siez>=n<1>");
    check("resize si^", "resize k<si>");
    check("resize sie^", "resize u<sie>");
    check("resize si ^", "resize u<si> ");
    check("resize id=\"x y\" ", "resize k<id>=s<\"x y\"> ");
    check("resize id=@file", "resize k<id>=@s<file>");
    check("nosuc^", "nosuc");
    check("nosuch ^", "u<nosuch> ");
    check("nosuch a=1", "u<nosuch> k<a>=n<1>");
    check(
        "add driver=raw file.driver=file file.filenam=x",
        "add k<driver>=s<raw> k<file.driver>=s<file> k<file.>u<filenam>=s<x>",
    );
    // The branch is not known yet.
    check("add filename=x", "add k<filename>=s<x>");
    check("add driver=nosuch filename=x", "add k<driver>=s<nosuch> k<filename>=s<x>");
    check("add driver=other filename=x", "add k<driver>=s<other> u<filename>=s<x>");
    check("device_add driver=nvme serial=1 x.y=2", "device_add k<driver>=s<nvme> k<serial>=n<1> k<x.y>=n<2>");
    check("kinds str.x=1", "kinds k<str.>u<x>=n<1>");
    check("kinds ints.0=1 ints.a=2", "kinds k<ints.0>=n<1> k<ints.>u<a>=n<2>");
    check("kinds any.x.y=true", "kinds k<any.x.y>=l<true>");
    check(
        r#"{"execute": "x", "arguments": {"a": [1, -2.5e3, true, "s"]}}"#,
        r#"{k<"execute">: s<"x">, k<"arguments">: {k<"a">: [n<1>, n<-2.5e3>, l<true>, s<"s">]}}"#,
    );
    check("set value={'a': 'b'}", "set k<value>={k<'a'>: s<'b'>}");
    check("set value:=\"é\\", "set k<value>:=s<\"é\\>");
    check("set value={\"é\\é", "set k<value>={s<\"é\\é>");
    check("nothing x=1\nresize id=1\n", "nothing u<x>=n<1>\nresize k<id>=n<1>\n");
    check("transaction(\nresize idd=1; set a=1\n)", "transaction(\nresize u<idd>=n<1>; u<set> k<a>=n<1>\n)");
    check(".nosuch x", "u<.nosuch> x");
    check(".status", ".status");
}

#[test]
fn an_alias_is_offered_where_a_line_begins() {
    let schema = sample::schema();
    let aliases = [("nodes".to_owned(), ".show block".to_owned()), ("nothing".to_owned(), "x".to_owned())];
    let context = Context { schema: Some(&schema), live: &Nothing, builtins: BUILTINS, aliases: &aliases };
    let names = |line: &str| -> Vec<(String, String)> {
        let found = complete(&Lines::read(line), line.len(), context).candidates;
        found.into_iter().map(|candidate| (candidate.name, candidate.about)).collect()
    };
    let alias = ("nodes".to_owned(), ".show block".to_owned());
    assert!(names("no").contains(&alias));
    assert!(!names(".try no").contains(&alias));
    // A command of the peer is not hidden.
    assert!(!names("no").contains(&("nothing".to_owned(), "x".to_owned())), "{:?}", names("no"));
    assert_eq!(colors(&Lines::read("nodes "), 6, context), []);
}
