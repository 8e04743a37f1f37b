//! The session of a server with one client.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context as TaskContext, Poll};

use bytes::BytesMut;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::command::{Command, Received};
use super::framing::Framing;
use super::response::Response;
use crate::message::{Descriptor, Greeting};
use crate::protocol::{Context, Protocol, Wire};

/// The capability that a client can enable.
const OUT_OF_BAND: &str = "oob";

/// The commands that take an open file. QEMU gives one that came with another command to the next of these, whoever sends it.
const TAKES_DESCRIPTOR: [&str; 2] = ["add-fd", "getfd"];

/// A session of QMP with one client.
#[derive(Debug)]
pub struct QmpServer {
    greeting: Greeting,
    requests: PollSender<Received>,
    framing: Framing,
    oob: bool,
    /// How many requests have no reply yet.
    unanswered: usize,
    /// The number of bytes that were taken off the buffer.
    taken: u64,
    /// Open files that came since the last look at the buffer.
    came: Vec<OwnedFd>,
    /// Open files, each with the position in the stream up to which it may belong to a request.
    descriptors: Vec<(OwnedFd, u64)>,
}

impl QmpServer {
    pub(super) fn new(greeting: Greeting, max_request: usize, requests: mpsc::Sender<Received>) -> Self {
        Self {
            greeting,
            requests: PollSender::new(requests),
            framing: Framing::new(max_request),
            oob: false,
            unanswered: 0,
            taken: 0,
            came: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    /// Answers a request before the negotiation. Returns true if it is the negotiation.
    ///
    /// Source: `qmp_capabilities` in QEMU's `qmp-cmds-control.c`; the words are those of QEMU 7.2 to 11.1.
    fn negotiate(&mut self, received: Received) -> (Response, bool) {
        let command = match received {
            Received::Command(command) => command,
            Received::Refused { response, .. } => return (response, false),
        };
        if command.name() != "qmp_capabilities" {
            let why = "Expecting capabilities negotiation with 'qmp_capabilities'";
            return (command.fails("CommandNotFound", why), false);
        }
        match self.capabilities(&command) {
            Ok(oob) => {
                self.oob = oob;
                (command.returns("{}"), true)
            }
            Err(desc) => (command.fails("GenericError", &desc), false),
        }
    }

    /// Returns true if the negotiation enables out-of-band execution.
    fn capabilities(&self, command: &Command) -> Result<bool, String> {
        let mut arguments: serde_json::Map<String, Value> =
            serde_json::from_str(command.arguments()).unwrap_or_default();
        let enable = match arguments.remove("enable") {
            None => Vec::new(),
            Some(Value::Array(names)) => names,
            Some(_) => return Err("Invalid parameter type for 'enable', expected: array".to_owned()),
        };
        if let Some(name) = arguments.keys().next() {
            return Err(format!("Parameter '{name}' is unexpected"));
        }
        for (index, name) in enable.iter().enumerate() {
            match name.as_str() {
                None => return Err(format!("Invalid parameter type for 'enable[{index}]', expected: string")),
                Some(OUT_OF_BAND) if self.greeting.capabilities.iter().any(|name| name == OUT_OF_BAND) => {}
                Some(OUT_OF_BAND) => return Err("Capability oob is not available".to_owned()),
                Some(name) => return Err(format!("Parameter 'null' does not accept value '{name}'")),
            }
        }
        Ok(!enable.is_empty())
    }
}

impl Protocol for QmpServer {
    const NAME: &'static str = "QMPServer";
    type In = Received;
    type Out = Response;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut, _eof: bool) -> io::Result<Option<Received>> {
        let before = buffer.len();
        let start = self.taken;
        // A file comes with some byte of what was read last.
        let end = start + before as u64;
        self.descriptors.extend(self.came.drain(..).map(|descriptor| (descriptor, end)));
        let found = self.framing.next(buffer);
        self.taken += (before - buffer.len()) as u64;
        // One that came with an earlier request, which did not take it, is closed.
        self.descriptors.retain(|(_, end)| *end > start);
        let Some(found) = found else {
            if !self.framing.is_inside() {
                self.descriptors.clear();
            }
            return Ok(None);
        };
        Ok(Some(match found.map(|request| Received::new(&request, self.oob)) {
            Ok(Received::Command(command))
                if TAKES_DESCRIPTOR.contains(&command.name()) && !self.descriptors.is_empty() =>
            {
                let (descriptor, _) = self.descriptors.remove(0);
                Received::Command(command.with_descriptor(Descriptor::from(descriptor)))
            }
            Ok(received) => received,
            Err(fault) => Received::fault(&fault),
        }))
    }

    fn encode(&mut self, response: Response, buffer: &mut BytesMut) -> io::Result<()> {
        if !response.is_event {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        buffer.extend_from_slice(&response.bytes);
        Ok(())
    }

    async fn establish(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        wire.receive_descriptors();
        let greeting = Response::greeting(&self.greeting);
        wire.send(self, greeting).await?;
        loop {
            let received = wire.recv(self).await?;
            let (response, negotiated) = self.negotiate(received);
            wire.send(self, response).await?;
            if negotiated {
                return Ok(());
            }
        }
    }

    fn on_message(&mut self, mut received: Received, _: &mut Context<'_, Self>) -> io::Result<()> {
        self.unanswered += 1;
        if let Received::Command(command) = &received
            && command.name() == "qmp_capabilities"
        {
            let (class, why) = if command.is_out_of_band() {
                ("GenericError", "The command qmp_capabilities does not support OOB")
            } else {
                ("CommandNotFound", "Capabilities negotiation is already complete, command ignored")
            };
            let out_of_band = command.is_out_of_band();
            received = Received::Refused { response: command.fails(class, why), out_of_band };
        }
        // Nobody answers a client after the other end was dropped, and the session is about to end.
        let _ = self.requests.send_item(received);
        Ok(())
    }

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<()> {
        self.requests.poll_reserve(context).map(|_| ())
    }

    fn descriptors_came(&mut self, descriptors: Vec<OwnedFd>) {
        self.came.extend(descriptors);
    }

    fn may_end(&self, is_sent: bool) -> bool {
        // A client that has closed its half still gets the replies.
        is_sent && self.unanswered == 0
    }
}
