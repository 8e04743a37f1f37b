//! What the peer is, and what it ignores.

use qmpsh::client::Client;
use qmpsh::language::typing;
use qmpsh::message::Request;
use qmpsh::text;

/// What the peer is, by its greeting, safe for a terminal; `None` if there was no greeting.
pub(crate) fn version(client: &Client) -> Option<String> {
    if client.is_guest_agent() {
        return Some("guest agent".to_owned());
    }
    let version = client.greeting()?.version;
    let package = text::line(&version.package);
    Some(if package.is_empty() { format!("QEMU {version}") } else { format!("QEMU {version} ({package})") })
}

/// A warning, if the peer ignores a part of this command without an error.
pub(crate) fn warning(client: &Client, request: &Request) -> Option<String> {
    let nested = typing::nested_properties(request);
    if nested.is_empty() {
        return None;
    }
    let version = client.greeting()?.version;
    let names: Vec<String> = nested.iter().map(|name| format!("`{}`", text::line(name))).collect();
    ((version.major, version.minor) < (9, 2)).then(|| {
        let names = names.join(", ");
        format!("warning: QEMU {version} ignores {names}; lists and objects in device_add need QEMU 9.2 or later")
    })
}
