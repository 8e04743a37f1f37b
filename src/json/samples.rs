//! Generated values, for the tests.

use proptest::prelude::*;
use serde_json::Value;

/// Values of all kinds, with keys and texts that look like JSON.
pub(super) fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,8}", "[\"\\\\{}\\[\\],: \n]{0,12}", any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(text.clone(), inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// `value` as QEMU prints it on one line: with a space after each colon and comma.
pub(super) fn as_qemu(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", list(items.iter().map(as_qemu).collect())),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), as_qemu(value));
            format!("{{{}}}", list(members.iter().map(member).collect()))
        }
        scalar => scalar.to_string(),
    }
}
