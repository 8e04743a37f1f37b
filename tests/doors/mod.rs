//! The ways to a peer other than connecting: a peer that dials in, a socket that was inherited.

mod fd;
mod interactive;
mod listen;
mod qemu_dials;

use std::path::Path;

use serde_json::Value;

use crate::support::client::Client;
use crate::support::stream::Stream;
use crate::support::{DEADLINE, poll_until};

const GREETING: &str =
    r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}"#;

/// A monitor played by hand, at its end of a connection.
struct Monitor(Client);

impl Monitor {
    /// Dials in as QEMU does, as soon as somebody listens.
    fn dial(path: &Path) -> Self {
        let stream = poll_until(DEADLINE, || Stream::unix(path).ok());
        Self(Client::on(stream.unwrap_or_else(|| panic!("nobody listens at {}", path.display()))))
    }

    fn on(stream: std::os::unix::net::UnixStream) -> Self {
        Self(Client::on(Stream::Unix(stream)))
    }

    /// Greets, and is asked to negotiate.
    #[track_caller]
    fn greet(mut self) -> Self {
        self.0.send(GREETING);
        self.answer("qmp_capabilities", "{}");
        self
    }

    /// Waits for this command, and answers it.
    #[track_caller]
    fn answer(&mut self, command: &str, result: &str) -> Value {
        let request = self.0.read();
        assert_eq!(request["execute"], command);
        self.0.send(&format!(r#"{{"return": {result}, "id": {}}}"#, request["id"]));
        request
    }

    /// The other side closes.
    #[track_caller]
    fn sees_the_end(&mut self) {
        assert_eq!(self.0.read_text(), None);
    }
}
