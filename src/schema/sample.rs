//! A small schema for tests, with something of everything.

use std::borrow::Cow;

use super::{Schema, Step};

pub(crate) const TEXT: &str = r#"[
    {"name":"resize","ret-type":"0","meta-type":"command","arg-type":"1","allow-oob":true,"features":["deprecated","json-cli"]},
    {"name":"nothing","ret-type":"0","meta-type":"command","arg-type":"0"},
    {"name":"set","ret-type":"0","meta-type":"command","arg-type":"2"},
    {"name":"keys","ret-type":"0","meta-type":"command","arg-type":"3"},
    {"name":"add","ret-type":"0","meta-type":"command","arg-type":"6"},
    {"name":"kinds","ret-type":"[3]","meta-type":"command","arg-type":"12"},
    {"name":"device_add","ret-type":"0","meta-type":"command","arg-type":"20"},
    {"name":"qom-set","ret-type":"0","meta-type":"command","arg-type":"21"},
    {"name":"transaction","ret-type":"0","meta-type":"command","arg-type":"22"},
    {"name":"STOPPED","meta-type":"event","arg-type":"0","features":["unstable"]},
    {"name":"0","members":[],"meta-type":"object"},
    {"name":"1","members":[{"name":"id","type":"str"},{"name":"size","default":null,"type":"int"},
        {"name":"x-fast","default":null,"type":"bool","features":["unstable"]}],"meta-type":"object"},
    {"name":"2","members":[{"name":"value","type":"any"}],"meta-type":"object"},
    {"name":"3","members":[{"name":"keys","type":"[4]"}],"meta-type":"object"},
    {"name":"[4]","element-type":"4","meta-type":"array"},
    {"name":"[3]","element-type":"3","meta-type":"array"},
    {"name":"4","members":[{"name":"a"},{"name":"b"},{"name":"null"}],"meta-type":"enum","values":["a","b","null"]},
    {"name":"5","meta-type":"enum","values":["file","raw","other"]},
    {"name":"6","tag":"driver","members":[{"name":"driver","type":"5"},{"name":"node-name","default":null,"type":"str"},
        {"name":"detached","default":null,"type":"bool"}],
        "variants":[{"case":"file","type":"7"},{"case":"raw","type":"8"},{"case":"other","type":"0"}],"meta-type":"object"},
    {"name":"7","members":[{"name":"filename","type":"str"},{"name":"size","default":null,"type":"int"}],"meta-type":"object"},
    {"name":"8","members":[{"name":"file","type":"9"},{"name":"offset","default":null,"type":"int"},
        {"name":"size","default":null,"type":"str"}],"meta-type":"object"},
    {"name":"9","members":[{"type":"str"},{"type":"null"},{"type":"6"}],"meta-type":"alternate"},
    {"name":"10","members":[{"type":"int"},{"type":"bool"},{"type":"[int]"}],"meta-type":"alternate"},
    {"name":"11","members":[{"type":"str"},{"type":"bool"},{"type":"int"},{"type":"null"}],"meta-type":"alternate"},
    {"name":"13","members":[{"type":"4"},{"type":"1"}],"meta-type":"alternate"},
    {"name":"12","members":[{"name":"str","default":null,"type":"str"},{"name":"int","default":null,"type":"int"},
        {"name":"number","default":null,"type":"number"},{"name":"bool","default":null,"type":"bool"},
        {"name":"null","default":null,"type":"null"},{"name":"any","default":null,"type":"any"},
        {"name":"enum","default":null,"type":"4"},{"name":"ints","default":null,"type":"[int]"},
        {"name":"many","default":null,"type":"[1]"},{"name":"lists","default":null,"type":"[[int]]"},
        {"name":"object","default":null,"type":"1"},{"name":"plain","default":null,"type":"10"},
        {"name":"mixed","default":null,"type":"11"},{"name":"enum-or-object","default":null,"type":"13"}],"meta-type":"object"},
    {"name":"[int]","element-type":"int","meta-type":"array"},
    {"name":"[[int]]","element-type":"[int]","meta-type":"array"},
    {"name":"[1]","element-type":"1","meta-type":"array"},
    {"name":"20","members":[{"name":"driver","type":"str"},{"name":"bus","default":null,"type":"str"},
        {"name":"id","default":null,"type":"str"}],"meta-type":"object"},
    {"name":"21","members":[{"name":"path","type":"str"},{"name":"property","type":"str"},{"name":"value","type":"any"}],
        "meta-type":"object"},
    {"name":"22","members":[{"name":"actions","type":"[23]"}],"meta-type":"object"},
    {"name":"[23]","element-type":"23","meta-type":"array"},
    {"name":"23","tag":"type","members":[{"name":"type","type":"24"}],"variants":[{"case":"resize","type":"25"}],
        "meta-type":"object"},
    {"name":"24","meta-type":"enum","values":["resize"]},
    {"name":"25","members":[{"name":"data","type":"1"}],"meta-type":"object"},
    {"name":"str","json-type":"string","meta-type":"builtin"},
    {"name":"int","json-type":"int","meta-type":"builtin"},
    {"name":"number","json-type":"number","meta-type":"builtin"},
    {"name":"bool","json-type":"boolean","meta-type":"builtin"},
    {"name":"null","json-type":"null","meta-type":"builtin"},
    {"name":"any","json-type":"value","meta-type":"builtin"}
]"#;

pub(crate) fn schema() -> Schema {
    Schema::parse(TEXT.as_bytes()).unwrap()
}

/// Asks everything that can be asked; a hostile schema must not make that panic or take for ever.
pub(crate) fn use_every_query(schema: &Schema) {
    let no_tag = |_: &[&str]| None;
    let some_tag = |_: &[&str]| Some(Cow::Borrowed("raw"));
    let _ = schema.actions().count();
    for command in schema.commands() {
        let _ = schema.action(&command.name);
        let Some(root) = command.arguments else { continue };
        for path in [&["file", "size"][..], &["0", "0"], &["nosuch"], &["actions", "0", "data", "id"]] {
            let steps: Vec<Step<'_>> = path.iter().map(|text| Step::key(text)).collect();
            let _ = schema.walk(root, &steps, &no_tag);
            let _ = schema.walk(root, &steps, &some_tag);
        }
        for member in schema.members(root, &|_| Some("raw".into())) {
            let _ = (schema.words(member.ty), schema.enum_values(member.ty), schema.element(member.ty));
        }
        let _ = (schema.words(root), schema.enum_values(root), schema.object(root));
    }
}
