use std::fmt::Write as _;

use super::*;
use crate::schema::sample;

/// The listing as text; `choices` are `PATH=VALUE` with spaces between.
fn listed(schema: &Schema, command: &str, choices: &str) -> String {
    let choices = choices.split_whitespace().map(|choice| {
        let (path, case) = choice.split_once('=').unwrap();
        Choice { path: path.into(), case: case.into() }
    });
    let choices: Vec<_> = choices.collect();
    let reference = schema.reference(schema.arguments(command).unwrap(), "the whole", &choices);
    let mut text = String::new();
    for line in &reference.lines {
        text.push_str(&"  ".repeat(line.depth));
        let _ = match &line.row {
            Row::Member { path, what } => writeln!(text, "{path}: {what}"),
            Row::Branch { path, cases, note: None } => writeln!(text, "with {path}={cases}:"),
            Row::Branch { path, cases, note: Some(note) } => writeln!(text, "with {path}={cases}: {note}"),
            Row::Cut => writeln!(text, "…"),
        };
    }
    for (choice, cases) in &reference.unmatched {
        let _ = writeln!(text, "no {}={} in {cases:?}", choice.path, choice.case);
    }
    text
}

#[test]
fn the_members_of_a_type_are_listed() {
    let schema = sample::schema();
    let check = |command: &str, expected: &str| assert_eq!(listed(&schema, command, ""), expected, "{command}");
    check("nothing", "");
    check("resize", "id: string\nsize: optional integer\nx-fast: optional boolean (unstable)\n");
    check("keys", "keys: list of one of a, b, null\n");
    check(
        "kinds",
        "str: optional string\nint: optional integer\nnumber: optional number\nbool: optional boolean\n\
         null: optional null\nany: optional anything\nenum: optional one of a, b, null\nints: optional list of integers\n\
         many: optional list of objects\nmany.0.id: string\nmany.0.size: optional integer\n\
         many.0.x-fast: optional boolean (unstable)\nlists: optional list of lists of integers\n\
         object: optional object, as many\nplain: optional integer or boolean or list of integers\n\
         mixed: optional string or boolean or integer or null\n\
         enum-or-object: optional object or one of a, b, null, as many\n",
    );
}

#[test]
fn the_branches_of_a_union_are_listed() {
    let schema = sample::schema();
    let check = |command: &str, choices: &str, expected: &str| {
        assert_eq!(listed(&schema, command, choices), expected, "{command} {choices}");
    };
    let common = "node-name: optional string\ndetached: optional boolean\n";
    check(
        "add",
        "",
        &format!(
            "driver: one of file, raw, other\n{common}\
             with driver=file:\n  filename: string\n  size: optional integer\n\
             with driver=raw:\n  file: string or null or object, as the whole\n  offset: optional integer\n  size: optional string\n\
             with driver=other: nothing more\n"
        ),
    );
    check(
        "add",
        "driver=file",
        &format!("driver: file\n{common}with driver=file:\n  filename: string\n  size: optional integer\n"),
    );
    check(
        "add",
        "driver=nosuch x=y",
        &format!("driver: nosuch\n{common}no driver=nosuch in [\"file\", \"raw\", \"other\"]\nno x=y in []\n"),
    );
    check(
        "transaction",
        "",
        "actions: list of objects\nactions.0.type: one of resize\nwith actions.0.type=resize:\n  \
         actions.0.data: object\n  actions.0.data.id: string\n  actions.0.data.size: optional integer\n  \
         actions.0.data.x-fast: optional boolean (unstable)\n",
    );
}

#[test]
fn variants_of_one_type_are_listed_together() {
    let schema = Schema::parse(
        br#"[{"name":"c","meta-type":"command","arg-type":"u","ret-type":"u"},
            {"name":"u","meta-type":"object","members":[{"name":"t","type":"e"}],"tag":"t",
             "variants":[{"case":"a","type":"x"},{"case":"none","type":"0"},{"case":"b","type":"x"}]},
            {"name":"e","meta-type":"enum","members":[{"name":"a"},{"name":"b","features":["deprecated"]},{"name":"none"}]},
            {"name":"x","meta-type":"object","members":[{"name":"m","type":"int","features":["deprecated","unstable"]}]},
            {"name":"0","meta-type":"object","members":[]},
            {"name":"int","json-type":"int","meta-type":"builtin"}]"#,
    )
    .unwrap();
    let expected = "t: one of a, b (deprecated), none\nwith t=a, b:\n  m: integer (deprecated, unstable)\nwith t=none: nothing more\n";
    assert_eq!(listed(&schema, "c", ""), expected);
}

#[test]
fn the_listing_of_a_hostile_schema_ends() {
    // Two thousand objects in one another, an object in itself, a union that is its own variant.
    let mut text = String::from(
        r#"[{"name":"c","meta-type":"command","arg-type":"0"},{"name":"d","meta-type":"command","arg-type":"u"},
            {"name":"u","meta-type":"object","members":[{"name":"me","type":"u"},{"name":"l","type":"l"}],"tag":"me",
             "variants":[{"case":"x","type":"u"},{"case":"y","type":"l"}]},
            {"name":"l","meta-type":"array","element-type":"l"}"#,
    );
    let long = "m".repeat(1000);
    for n in 0..2000 {
        let next = n + 1;
        let members = format!(r#"[{{"name":"{long}","type":"{next}"}}]"#);
        let _ = write!(text, r#",{{"name":"{n}","meta-type":"object","members":{members}}}"#);
    }
    text.push(']');
    let schema = Schema::parse(text.as_bytes()).unwrap();
    assert_eq!(listed(&schema, "c", "").lines().count(), DEPTH + 1);
    let expected = "me: object, as the whole\nl: list of lists of lists of lists\n\
                    with me=x: as the whole\nwith me=y: nothing more\n";
    assert_eq!(listed(&schema, "d", ""), expected);
    // An enum that takes all the room.
    let values = vec![format!(r#""{long}""#); 40].join(",");
    let members = vec![r#"{"name":"m","type":"e"}"#; 200].join(",");
    let text = format!(
        r#"[{{"name":"c","meta-type":"command","arg-type":"o"}},{{"name":"o","meta-type":"object","members":[{members}]}},
            {{"name":"e","meta-type":"enum","values":[{values}]}}]"#
    );
    let schema = Schema::parse(text.as_bytes()).unwrap();
    let text = listed(&schema, "c", "");
    assert!(text.len() <= ROOM + 1000 && text.ends_with("m …\n…\n"), "{}", text.len());
}
