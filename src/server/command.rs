//! Commands, and what is none.

use std::fmt;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::parser::{Parsed, parse};
use super::response::Response;
use crate::message::{Descriptor, Request};
use crate::secrets;

/// A command of a client.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    name: String,
    arguments: String,
    id: Option<Bytes>,
    out_of_band: bool,
    descriptor: Option<Descriptor>,
}

impl Command {
    /// Returns the name, decoded; not safe to show as it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the arguments: a compact JSON object in ASCII.
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    /// Returns the `id` as the client wrote it: JSON of any type.
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// Returns true if the command runs at once, whatever came before.
    pub fn is_out_of_band(&self) -> bool {
        self.out_of_band
    }

    /// Returns the open file that the client passed with it.
    pub fn descriptor(&self) -> Option<&Descriptor> {
        self.descriptor.as_ref()
    }

    /// Makes it a command that came with this open file.
    #[must_use]
    pub fn with_descriptor(self, descriptor: Descriptor) -> Self {
        Self { descriptor: Some(descriptor), ..self }
    }

    /// Returns the number of bytes that it keeps in memory.
    pub fn size(&self) -> usize {
        self.name.len() + self.arguments.len() + self.id.as_ref().map_or(0, Bytes::len)
    }

    /// Makes the reply of success. `value` is JSON.
    pub fn returns(&self, value: &str) -> Response {
        Response::returns(self.id(), value.as_bytes())
    }

    /// Makes the reply of failure. QEMU's class for most errors is `GenericError`.
    pub fn fails(&self, class: &str, desc: &str) -> Response {
        Response::fails(self.id(), class, desc)
    }

    /// Makes the request that sends this command on to another server. It is written anew, without the `id`.
    pub fn to_request(&self) -> Request {
        let mut request = Request::new(&self.name);
        if self.arguments != "{}" {
            request = request.with_arguments_text(&self.arguments);
        }
        if self.out_of_band {
            request = request.out_of_band();
        }
        match &self.descriptor {
            Some(descriptor) => request.descriptor(descriptor.clone()),
            None => request,
        }
    }
}

/// Shows secrets as `***`.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&secrets::mask(self.to_request().text()))
    }
}

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A command to run.
    Command(Command),
    /// Not a command: this is the reply, in the words of QEMU.
    Refused {
        /// The reply.
        response: Response,
        /// It is sent at once. Otherwise in its turn, after the replies to what came before.
        out_of_band: bool,
    },
}

impl Received {
    pub(super) fn fault(desc: &str) -> Self {
        Self::Refused { response: Response::fails(None, "GenericError", desc), out_of_band: false }
    }

    /// Reads one request. `oob`: the client has enabled out-of-band execution.
    ///
    /// Source: `qmp_dispatch_check_obj` in QEMU's `qmp-dispatch.c`.
    pub fn new(request: &Bytes, oob: bool) -> Self {
        let parsed = match parse(request) {
            Ok(parsed) => parsed,
            Err(fault) => return Self::fault(&fault),
        };
        let Some(members) = &parsed.members else { return Self::fault("QMP input must be a JSON object") };
        let has = |name| members.iter().any(|member| member.name == name);
        let out_of_band = oob && has("exec-oob") && !has("execute");
        let id = members.iter().find(|member| member.name == "id").map(|member| {
            let raw = request.slice(member.raw.clone());
            // QEMU's parser takes more than JSON, which the client may not.
            let is_json = serde_json::from_slice::<&RawValue>(&raw).is_ok();
            if is_json { raw } else { Bytes::copy_from_slice(parsed.text[member.value.clone()].as_bytes()) }
        });
        match check(&parsed, oob) {
            Ok((name, arguments)) => Self::Command(Command { name, arguments, id, out_of_band, descriptor: None }),
            Err(desc) => Self::Refused { response: Response::fails(id.as_deref(), "GenericError", &desc), out_of_band },
        }
    }
}

/// Returns the command's name and its arguments.
fn check(parsed: &Parsed, oob: bool) -> Result<(String, String), String> {
    let mut members: Vec<_> = parsed.members.iter().flatten().collect();
    // QEMU looks at them in another order than they came. This one gives its errors where there are two mistakes.
    members.sort_by_key(|member| member.name != "exec-oob");
    let mut execute: Option<(&str, String)> = None;
    let mut arguments = "{}".to_owned();
    for member in members {
        let (name, value) = (member.name.as_str(), &parsed.text[member.value.clone()]);
        match name {
            "execute" | "exec-oob" if name == "execute" || oob => {
                let Ok(command) = serde_json::from_str(value) else {
                    return Err(format!("QMP input member '{name}' must be a string"));
                };
                if let Some((other, _)) = execute {
                    return Err(format!("QMP input member '{name}' clashes with '{other}'"));
                }
                execute = Some((name, command));
            }
            "arguments" if value.starts_with('{') => value.clone_into(&mut arguments),
            "arguments" => return Err("QMP input member 'arguments' must be an object".to_owned()),
            "id" => {}
            _ => return Err(format!("QMP input member '{name}' is unexpected")),
        }
    }
    match execute {
        Some((_, command)) => Ok((command, arguments)),
        None => Err("QMP input lacks member 'execute'".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> Command {
        match Received::new(&Bytes::copy_from_slice(text.as_bytes()), true) {
            Received::Command(command) => command,
            other @ Received::Refused { .. } => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_id_comes_back_as_it_was_written() {
        #[track_caller]
        fn check(id: &str, expected: &str) {
            let command = command(&format!(r#"{{"execute":"x","id":{id}}}"#));
            assert_eq!(command.id().map(String::from_utf8_lossy).as_deref(), Some(expected));
        }
        for id in ["7", "-0", "1E2", "1e400", "\"é\\u0041\"", "{\"b\" : 1.0, \"a\":[null]}", "null"] {
            check(id, id);
        }
        // What is no JSON is written as JSON.
        check("'it\\'s \"x\"'", r#""it's \"x\"""#);
        check("{'b':1}", "{\"b\":1}");
        assert_eq!(command(r#"{"execute":"x"}"#).id(), None);
    }

    #[test]
    fn what_goes_on_is_written_anew() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(command(text).to_request().text(), expected);
        }
        check(r#"{ 'execute' : 'st\u006fp', "id": [1] }"#, r#"{"execute":"stop"}"#);
        check(r#"{"arguments":{ },"execute":"stop"}"#, r#"{"execute":"stop"}"#);
        check(r#"{"exec-oob":"yank","arguments":{"a": 'é'}}"#, r#"{"exec-oob":"yank","arguments":{"a":"\u00E9"}}"#);
        check(r#"{"execute":"a\"b"}"#, r#"{"execute":"a\"b"}"#);
    }
}
