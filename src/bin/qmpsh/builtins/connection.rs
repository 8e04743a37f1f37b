//! `.status`, and what the peer is.

use super::Host;
use qmpsh::client::Client;
use qmpsh::language::typing;
use qmpsh::message::Request;
use qmpsh::text;

/// What there is to tell about the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection<'a> {
    /// The peer's address, fit for a terminal.
    pub(crate) address: &'a str,
    pub(crate) is_there: bool,
    /// How many abandoned commands are still unanswered.
    pub(crate) unanswered: usize,
}

pub(super) async fn status<H: Host>(host: &mut H) -> Result<(), H::Stop> {
    let Connection { address, is_there, unanswered } = host.connection();
    let version = version(host.client()).unwrap_or_else(|| "no greeting".to_owned());
    let late = match unanswered {
        0 => String::new(),
        1 => "\nwaiting for the reply to 1 command".to_owned(),
        count => format!("\nwaiting for the replies to {count} commands"),
    };
    let status = if is_there {
        format!("connected to {address}\n{version}{late}")
    } else {
        format!("not connected to {address} (.reconnect connects again)\nlast connected to: {version}{late}")
    };
    host.print_text(&status).await
}

/// What the peer is, by its greeting if there was one; fit for a terminal.
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
