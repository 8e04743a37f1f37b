//! Reads the TCP forms of an address.

use std::net::Ipv6Addr;

use super::error::{Problem, shown};
use super::options::pieces;
use super::types::Address;

/// Reads what follows `tcp:`: host and port, then QEMU's options.
pub(super) fn with_options(text: &[u8]) -> Result<Address, Problem> {
    let mut host = None;
    let mut port = None;
    for (index, piece) in pieces(text).into_iter().enumerate() {
        // `host=x:5` is the host `host=x` and the port 5: QEMU's option for the host never has a port in it.
        let whole = index == 0 && host_and_port(&piece).is_ok();
        if let (Some(spelled), false) = (piece.strip_prefix(b"host="), whole) {
            host = Some(host_option(spelled)?);
        } else if let (Some(spelled), false) = (piece.strip_prefix(b"port="), whole) {
            port = Some(port_number(utf8(spelled)?)?);
        } else if index == 0 {
            let (first_host, first_port) = host_and_port(&piece)?;
            host = Some(first_host);
            port = Some(first_port);
        }
    }
    let port = port.ok_or(Problem::Missing("the port"))?;
    Ok(Address::Tcp { host: host.unwrap_or_else(localhost), port })
}

/// Reads `HOST:PORT`, `[V6]:PORT` or `:PORT`.
pub(super) fn host_and_port(text: &[u8]) -> Result<(String, u16), Problem> {
    let text = utf8(text)?;
    if let Some((host, after)) = bracketed(text)? {
        return Ok((host.to_owned(), port_after(after)?.ok_or(Problem::Missing("the port"))?));
    }
    let (host, port) = text.rsplit_once(':').ok_or(Problem::Missing("the port"))?;
    if is_ipv6(host) && port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() {
        return Err(Problem::Ipv6WithoutBrackets(format!("[{host}]:{port}")));
    }
    if is_ipv6(text) {
        return Err(Problem::Ipv6WithoutBrackets(format!("[{text}]:PORT")));
    }
    if host.contains(':') {
        return Err(Problem::TooManyColons);
    }
    Ok((host_name(host)?, port_number(port)?))
}

/// Splits `[IPV6]` off, if the text begins with it; returns what is in the brackets, and what follows them.
pub(super) fn bracketed(text: &str) -> Result<Option<(&str, &str)>, Problem> {
    let Some(rest) = text.strip_prefix('[') else { return Ok(None) };
    let (host, after) = rest.split_once(']').ok_or(Problem::UnclosedBracket)?;
    if is_ipv6(host) { Ok(Some((host, after))) } else { Err(Problem::NotIpv6(shown(host.as_bytes()))) }
}

/// Reads `:PORT` behind a host, or nothing.
pub(super) fn port_after(after: &str) -> Result<Option<u16>, Problem> {
    match after.strip_prefix(':') {
        Some(port) => port_number(port).map(Some),
        None if after.is_empty() => Ok(None),
        None => Err(Problem::AfterBracket(shown(after.as_bytes()))),
    }
}

/// Reads the value of `host=`, where an IPv6 address needs no brackets.
fn host_option(text: &[u8]) -> Result<String, Problem> {
    let text = utf8(text)?;
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if is_ipv6(inner) {
        Ok(inner.to_owned())
    } else if text.contains(':') {
        Err(Problem::NotIpv6(shown(text.as_bytes())))
    } else {
        host_name(text)
    }
}

pub(super) fn host_name(text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Ok(localhost());
    }
    let bad = |c: char| c.is_whitespace() || c.is_control() || "/,[]@".contains(c);
    match text.chars().find(|&c| bad(c)) {
        Some(c) => Err(Problem::BadHost(c.escape_debug().to_string())),
        None => Ok(text.to_owned()),
    }
}

fn localhost() -> String {
    "localhost".to_owned()
}

pub(super) fn port_number(text: &str) -> Result<u16, Problem> {
    if text.is_empty() {
        return Err(Problem::Missing("the port"));
    }
    // `parse` alone would take a sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = shown(text.as_bytes());
        return Err(if text.contains(',') {
            Problem::OptionsWithoutPrefix(port)
        } else {
            Problem::PortNotANumber(port)
        });
    }
    text.parse().map_err(|_| Problem::PortTooLarge(shown(text.as_bytes())))
}

/// Returns true if `text` is an IPv6 address, with a zone or without one.
pub(super) fn is_ipv6(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => {
            address.parse::<Ipv6Addr>().is_ok()
                && !zone.is_empty()
                && zone.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        }
        None => text.parse::<Ipv6Addr>().is_ok(),
    }
}

fn utf8(text: &[u8]) -> Result<&str, Problem> {
    str::from_utf8(text).map_err(|_| Problem::NotUtf8)
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "rows read better so")]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Result<Address, Problem> {
        Ok(Address::Tcp { host: host.into(), port })
    }

    #[track_caller]
    fn check(input: &str, expected: Result<Address, Problem>) {
        assert_eq!(Address::parse(input).map_err(|error| error.problem().clone()), expected, "{input}");
    }

    #[test]
    fn host_and_port_are_read() {
        check("localhost:4444", tcp("localhost", 4444));
        check(":4444", tcp("localhost", 4444));
        check("127.0.0.1:0", tcp("127.0.0.1", 0));
        check("h:65535", tcp("h", 65535));
        check("h:04444", tcp("h", 4444));
        check("[::1]:4444", tcp("::1", 4444));
        check("[fe80::1%eth0]:4444", tcp("fe80::1%eth0", 4444));
        check("tcp::4444", tcp("localhost", 4444));
        check("tcp:vm:4444,server=on,wait=off", tcp("vm", 4444));
        check("tcp:[::1]:4444,ipv6=on", tcp("::1", 4444));
        check("tcp:host=::1,port=4444,server=on", tcp("::1", 4444));
        check("tcp:host=[::1],port=4444", tcp("::1", 4444));
        check("tcp:port=4444", tcp("localhost", 4444));
    }

    #[test]
    fn a_wrong_text_says_what_is_wrong() {
        let text = |text: &str| text.to_owned();
        check("tcp:", Err(Problem::Missing("the port")));
        check("tcp:localhost", Err(Problem::Missing("the port")));
        check("tcp:host=localhost", Err(Problem::Missing("the port")));
        check("localhost:", Err(Problem::Missing("the port")));
        check("[::1]", Err(Problem::Missing("the port")));
        check("[::1]:", Err(Problem::Missing("the port")));
        check("localhost:http", Err(Problem::PortNotANumber(text("http"))));
        check("localhost:+5", Err(Problem::PortNotANumber(text("+5"))));
        check("localhost:4444,server=on", Err(Problem::OptionsWithoutPrefix(text("4444,server=on"))));
        check("localhost:65536", Err(Problem::PortTooLarge(text("65536"))));
        check("h:99999999999999999999999", Err(Problem::PortTooLarge(text("99999999999999999999999"))));
        check("[::1:4444", Err(Problem::UnclosedBracket));
        check("[localhost]:4444", Err(Problem::NotIpv6(text("localhost"))));
        check("[]:4444", Err(Problem::NotIpv6(text(""))));
        check("[::1%]:4444", Err(Problem::NotIpv6(text("::1%"))));
        check("tcp:host=a:b,port=1", Err(Problem::NotIpv6(text("a:b"))));
        check("[::1]4444", Err(Problem::AfterBracket(text("4444"))));
        check("::1", Err(Problem::Ipv6WithoutBrackets(text("[::1]:PORT"))));
        check("::1:4444", Err(Problem::Ipv6WithoutBrackets(text("[::1]:4444"))));
        check("tcp:fe80::1:4444", Err(Problem::Ipv6WithoutBrackets(text("[fe80::1]:4444"))));
        check("telnet:localhost:4444", Err(Problem::TooManyColons));
        check("me@host:4444", Err(Problem::BadHost(text("@"))));
        check("a b:4444", Err(Problem::BadHost(text(" "))));
        check("tcp://localhost:4444", Err(Problem::BadHost(text("/"))));
    }
}
