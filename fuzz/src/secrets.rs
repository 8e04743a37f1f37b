//! The masking of secrets.

use qmpsh::secrets::{in_text, is_secret_argument, mask};
use serde_json::Value;

use super::Numbers;

/// A secret, and two parts of it.
const SECRET: &str = "hunter2-5f1c";
const PARTS: [&str; 2] = ["hunter2", "er2-5f1c"];

/// Names of members, among them some of secrets.
const NAMES: &[&str] = &[
    "arguments",
    "password",
    "options",
    "file.password",
    "data",
    "cookie",
    "proxy-password",
    "passphrase",
    "id",
    "key-secret",
];

/// Checks that masking takes any bytes, and leaves nothing of a secret in a message that is made of them.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let masked = mask(&text);
    in_text(&text, "");
    if serde_json::from_str::<Value>(&text).is_ok() && text.trim_start().starts_with('{') {
        serde_json::from_str::<Value>(&masked).unwrap_or_else(|error| panic!("{error} in {masked}"));
    }

    // Only a secret has this digit.
    let text = text.replace('2', "3");
    let mut numbers = Numbers::of(bytes);
    let mut message = String::from("{\"execute\":\"blockdev-add\",");
    let mut secrets = 0;
    let mut closing = String::from("}");
    for piece in text.split(' ').take(20) {
        let name = NAMES[numbers.below(NAMES.len())];
        let key = escaped(name, &mut numbers);
        if is_secret_argument("", name, "", None) {
            let value = escaped(SECRET, &mut numbers);
            let value = match numbers.below(3) {
                0 => [": ", &value, ","],
                1 => [":[", &value, ", 1],"],
                _ => [" :{\"a\":", &value, "},"],
            };
            message.push_str(&key);
            message.extend(value);
            secrets += 1;
        } else if numbers.below(3) == 0 {
            message.extend([&key, ":{"]);
            closing.insert(0, '}');
        } else {
            message.extend([&key, ":", &Value::from(piece).to_string(), ","]);
        }
    }
    message += "\"last\":true";
    message += &closing;
    let masked = mask(&message);
    serde_json::from_str::<Value>(&masked).unwrap_or_else(|error| panic!("{error} in {masked}"));
    is_hidden(&masked, &message);
    if secrets > 0 {
        assert!(masked != message, "{message}");
    }
    // A message that is cut off has the beginning of a secret at its end.
    let cut = numbers.below(message.len());
    let beginning = &message[..message.floor_char_boundary(cut)];
    is_hidden(&mask(beginning), beginning);
}

/// Writes `text` as a string of JSON, with some letters as escapes.
fn escaped(text: &str, numbers: &mut Numbers) -> String {
    let often = 1 + numbers.below(40);
    let letter = |c: char| if numbers.below(often) == 1 { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    format!("\"{}\"", text.chars().map(letter).collect::<String>())
}

fn is_hidden(masked: &str, message: &str) {
    // The secret may be written with escapes, and then no part of it stands in the text as it is.
    let values = serde_json::from_str::<Value>(masked).map(|value| value.to_string()).unwrap_or_default();
    for part in PARTS {
        assert!(!masked.contains(part) && !values.contains(part), "{masked} has a secret of {message}");
    }
}
