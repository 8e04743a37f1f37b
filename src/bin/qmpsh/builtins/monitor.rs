//! `.monitor`: makes a monitor for another client.

use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde_json::json;

use super::arguments::{Refusal, Words};
use crate::session::ask::{self, Answer, PeerError, TimeLimit};
use crate::session::types::schema;
use crate::session::{Builtin, Frontend};
use crate::status::Stop;
use qmpsh::address::{Address, UNIX_PATH_MAX};
use qmpsh::error::describe;
use qmpsh::message::Request;
use qmpsh::schema::{Schema, Step, Type};
use qmpsh::text;
use qmpsh::transport::SocketFile;

/// `.monitor PATH`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewMonitor {
    path: String,
}

impl NewMonitor {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let (path, _) = words.required("the path of a socket")?;
        // The prefix of an address is allowed.
        let path = path.strip_prefix("unix:").map_or(path.clone(), str::to_owned);
        if path.is_empty() {
            return Err(words.refusal("the path is empty"));
        }
        if path.starts_with('@') {
            return Err(words.refusal("an abstract socket has no file; give a path (./@NAME for a file of that name)"));
        }
        Ok(Self { path })
    }

    /// Returns the absolute path: QEMU may run in another directory, and has to remove the socket.
    fn absolute(&self) -> Result<PathBuf, String> {
        let path = std::path::absolute(&self.path).map_err(explain)?;
        let length = path.as_os_str().len();
        if length > UNIX_PATH_MAX {
            return Err(format!(
                "its absolute path has {length} bytes, and QEMU can remove a socket whose path has at most {UNIX_PATH_MAX}"
            ));
        }
        Ok(path)
    }

    /// Returns the path for a QEMU on another machine.
    fn elsewhere(&self) -> Result<PathBuf, String> {
        let path = PathBuf::from(&self.path);
        if path.is_relative() {
            return Err("QEMU has another current directory over this connection; give an absolute path".to_owned());
        }
        Ok(path)
    }

    /// Sends a command that must succeed.
    async fn ask(&self, frontend: &mut dyn Frontend, request: Request) -> Result<(), Stop> {
        match self.send(frontend, request).await? {
            Ok(_) => Ok(()),
            Err(PeerError { class, desc }) => {
                Err(self.failure(&format!("{}: {}", text::line(&class), text::line(&desc))))
            }
        }
    }

    async fn send(&self, frontend: &mut dyn Frontend, request: Request) -> Result<Answer, Stop> {
        let limit = TimeLimit::new(frontend.session().options.timeout);
        ask::send(frontend, request, limit, &format!("the monitor at {}", text::line(&self.path))).await
    }

    fn failure(&self, why: &str) -> Stop {
        Stop::failed(format!("cannot make a monitor at {}: {why}", text::line(&self.path)))
    }
}

#[async_trait(?Send)]
impl Builtin for NewMonitor {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        if frontend.session().client.is_guest_agent() {
            return Err(self.failure("a guest agent has no monitors"));
        }
        let Some(schema) = schema(frontend).await?.filter(|schema| has_monitor_objects(schema)) else {
            let greeting = frontend.session().client.greeting();
            let version = greeting.map_or_else(String::new, |greeting| format!(" {}", greeting.version));
            let why = format!("this QEMU{version} is too old (11.1 and later can make monitors while they run)");
            return Err(self.failure(&why));
        };
        // Chardevs and objects have separate namespaces.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = format!("qmpsh-monitor-{:x}", now.as_nanos());

        let is_here = frontend.session().client.passes_descriptors();
        let path = if is_here { self.absolute() } else { self.elsewhere() };
        let bound = path.and_then(|path| {
            // A storage daemon takes no socket: it makes its own, and replaces what is there. So does a QEMU behind another
            // connection, which may run on this machine.
            let socket = if is_here && schema.command("getfd").is_some() {
                SocketFile::listen(&path).map(Some)
            } else {
                SocketFile::check_free(&path).map(|()| None)
            };
            Ok((path, socket.map_err(explain)?))
        });
        let (path, socket) = bound.map_err(|why| self.failure(&why))?;
        let (file, address) = match socket {
            Some((socket, file)) => {
                let getfd = Request::new("getfd").arguments(&json!({ "fdname": id }))?;
                self.ask(frontend, getfd.descriptor(socket)).await?;
                (Some(file), json!({ "type": "fd", "data": { "str": id } }))
            }
            None => (None, json!({ "type": "unix", "data": { "path": path.to_string_lossy() } })),
        };
        let data = json!({ "addr": address, "server": true, "wait": false });
        let chardev = json!({ "id": id, "backend": { "type": "socket", "data": data } });
        if let Err(stop) = self.ask(frontend, Request::new("chardev-add").arguments(&chardev)?).await {
            if file.is_some() {
                // If QEMU refuses to undo this, nothing more can be done.
                let closefd = Request::new("closefd").arguments(&json!({ "fdname": id }))?;
                let _ = self.send(frontend, closefd).await?;
            }
            return Err(stop);
        }
        let object = json!({ "qom-type": "monitor-qmp", "id": id, "chardev": id, "close-action": "delete" });
        let added = match (is_here, &file) {
            (true, None) => SocketFile::set_private(&path).map_err(|error| self.failure(&explain(error))),
            _ => Ok(()),
        };
        let added = match added {
            Ok(()) => self.ask(frontend, Request::new("object-add").arguments(&object)?).await,
            failed => failed,
        };
        if let Err(stop) = added {
            let remove = Request::new("chardev-remove").arguments(&json!({ "id": id }))?;
            let _ = self.send(frontend, remove).await?;
            return Err(stop);
        }
        if let Some(file) = file {
            // QEMU removes it with the chardev.
            file.leave();
        }
        if super::renderer(frontend).terminal {
            let client = if is_here {
                format!(": qmpsh {}", text::line(&Address::Unix(self.path.clone().into()).to_string()))
            } else {
                format!(" at {}, on QEMU's machine", text::line(&self.path))
            };
            frontend.notifier().say(&format!("the monitor is waiting for its client{client}"));
        }
        Ok(())
    }
}

fn explain(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => describe(&error),
    }
}

/// Returns true if `object-add` can make monitors.
fn has_monitor_objects(schema: &Schema) -> bool {
    let types = schema.arguments("object-add").and_then(|ty| schema.step(ty, Step::name("qom-type"), &|_| None));
    match types.map(|(ty, _)| schema.get(ty)) {
        Some(Type::Enum(values)) => values.iter().any(|value| &*value.name == "monitor-qmp"),
        _ => false,
    }
}
