//! The tools: their names, parameters and what each does.

use rmcp::model::{Tool as Description, ToolAnnotations};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::call::{Call, sentence};
use super::parameters::{self, Arguments, Kind, Parameter, REST, TIMEOUT, optional, required};
use super::vm::Vm;
use crate::builtins;
use crate::connect::list;
use crate::eval::Text;
use crate::screen::look::{Look, look, picture};
use crate::screen::picture::Picture;
use crate::session::{queries, types};
use crate::status::Stop;
use qmpsh::client::Client;
use qmpsh::error::describe;
use qmpsh::language::syntax::{Dialect, LogicalLine};
use qmpsh::language::typing::hints;
use qmpsh::message::Request;
use qmpsh::policy::Policy;
use qmpsh::text;

/// How long a wait may take if the agent does not say, in seconds. Many clients give up after a minute.
const WAIT: f64 = 30.0;

/// The longest picture, in bytes of PNG: clients drop what is longer.
const LARGEST: usize = 700 << 10;

/// A tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    about: &'static str,
    pub(super) parameters: &'static [Parameter],
    needs: Needs,
    does: Does,
}

/// What the policy must allow.
enum Needs {
    Nothing,
    Command(&'static str),
    Screen,
}

enum Does {
    Run,
    Help,
    Search,
    Vms,
    /// A built-in command of these words.
    Builtin(fn(&Arguments<'_>) -> Vec<String>),
    Type,
    Screen,
}

/// What a tool returns.
pub(super) enum Outcome {
    Text(String),
    /// A picture in PNG, and a sentence about it.
    Image(Vec<u8>, String),
}

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "run_command",
        about: "Run a QMP command of the VM and return what it returns, in JSON. `help` describes a command and its arguments.",
        parameters: &[
            required("command", Kind::Text, "The name, such as query-block"),
            optional("arguments", Kind::Object, "The arguments, as in QMP"),
            REST,
        ],
        needs: Needs::Nothing,
        does: Does::Run,
    },
    Tool {
        name: "help",
        about: "Describe a QMP command, an event or a type: arguments, results, examples.",
        parameters: &[
            required("name", Kind::Text, "A name, such as blockdev-add driver=qcow2 or BLOCK_JOB_ERROR"),
            REST,
        ],
        needs: Needs::Nothing,
        does: Does::Help,
    },
    Tool {
        name: "search",
        about: "Find commands, events and tasks by words in their names and descriptions.",
        parameters: &[required("query", Kind::Text, "The words, such as: snapshot"), REST],
        needs: Needs::Nothing,
        does: Does::Search,
    },
    Tool {
        name: "wait_event",
        about: "Wait for an event and return it. Looks back: an event that came since the last command counts.",
        parameters: &[
            required(
                "events",
                Kind::Texts,
                "Names or patterns, such as SHUTDOWN or BLOCK_JOB_*: any of them ends the wait",
            ),
            TIMEOUT,
        ],
        needs: Needs::Nothing,
        does: Does::Builtin(|arguments| words(arguments, ".wait", vec![arguments.texts("events").join("|")])),
    },
    Tool {
        name: "wait_job",
        about: "Wait until a background job is over and return how it ended. A failed job is an error with its reason.",
        parameters: &[required("id", Kind::Text, "The id of the job"), TIMEOUT],
        needs: Needs::Nothing,
        does: Does::Builtin(|arguments| words(arguments, ".job", of(arguments, &["id"]))),
    },
    Tool {
        name: "wait_screen",
        about: "Wait until a line of the guest's text screen contains a pattern, or until the screen stays the same.",
        parameters: &[
            required("pattern", Kind::Text, "A glob, such as login:, or the word stable to wait until nothing changes"),
            TIMEOUT,
        ],
        needs: Needs::Screen,
        does: Does::Builtin(|arguments| words(arguments, ".wait-screen", of(arguments, &["pattern"]))),
    },
    Tool {
        name: "list_jobs",
        about: "List the background jobs: block jobs, and others.",
        parameters: &[REST],
        needs: Needs::Nothing,
        does: Does::Builtin(|_| vec![".jobs".to_owned()]),
    },
    Tool {
        name: "list_vms",
        about: "List the QEMU processes of this machine and their monitors. The other tools work with one of them only.",
        parameters: &[REST],
        needs: Needs::Nothing,
        does: Does::Vms,
    },
    Tool {
        name: "show",
        about: "Show what belongs together as a tree: the block graph, PCI, CPUs, memory and more. Without a view, list the views.",
        parameters: &[
            optional("view", Kind::Text, "block, pci, qom, cpus, net, chardevs, memory or machines"),
            optional("path", Kind::Text, "Show only this part, such as a node or a path of the object model"),
            REST,
        ],
        needs: Needs::Nothing,
        does: Does::Builtin(|arguments| {
            let form = arguments.text("view").map(|_| "as=tree".to_owned());
            let words = std::iter::once(".show".to_owned()).chain(form);
            words.chain(of(arguments, &["view", "path"])).collect()
        }),
    },
    Tool {
        name: "screen",
        about: "Show what the guest shows: its text in VGA's text mode, otherwise an image.",
        parameters: &[optional("as", Kind::OneOf(&["auto", "text", "image"]), "The form [default: auto]")],
        needs: Needs::Screen,
        does: Does::Screen,
    },
    Tool {
        name: "type",
        about: "Type a text on the guest's keyboard.",
        parameters: &[required("text", Kind::Text, "The text; a newline is Enter")],
        needs: Needs::Command("send-key"),
        does: Does::Type,
    },
    Tool {
        name: "keys",
        about: "Press keys on the guest's keyboard.",
        parameters: &[required("keys", Kind::Texts, "One after the other, such as ctrl-alt-f2, ret; QEMU's names")],
        needs: Needs::Command("send-key"),
        does: Does::Builtin(|arguments| {
            let keys = arguments.texts("keys").into_iter().map(str::to_owned);
            std::iter::once(".keys".to_owned()).chain(keys).collect()
        }),
    },
];

/// Returns the words of a built-in command that waits.
fn words(arguments: &Arguments<'_>, name: &str, rest: Vec<String>) -> Vec<String> {
    let timeout = format!("timeout={}", arguments.seconds("timeout").unwrap_or(WAIT));
    [vec![name.to_owned(), timeout], rest].concat()
}

/// Returns the texts of these arguments, as far as they are given.
fn of(arguments: &Arguments<'_>, names: &[&str]) -> Vec<String> {
    names.iter().filter_map(|name| arguments.text(name)).map(str::to_owned).collect()
}

impl Tool {
    /// Returns what a client is told about the tool.
    pub(super) fn description(&self, policy: &Policy) -> Description {
        let is_reading = match self.needs {
            Needs::Command(_) => false,
            _ => policy.allow.is_empty() || !matches!(self.does, Does::Run),
        };
        let annotations = ToolAnnotations::new().read_only(is_reading).open_world(false);
        Description::new(self.name, self.about, parameters::schema(self.parameters)).with_annotations(annotations)
    }

    /// Returns why the policy does not allow the tool; `None` if it does.
    pub(super) fn forbidden(&self, client: &Client) -> Option<String> {
        let why = match self.needs {
            Needs::Nothing => return None,
            Needs::Command(command) if client.policy().allows(command, b"{}") => return None,
            Needs::Command(command) => not_allowed(command, &format!("--allow {command}")),
            Needs::Screen => format!("a rule of --deny is about `{}`", client.policy().screen_denied()?),
        };
        Some(format!("the tool `{}` is turned off: {why}", self.name))
    }

    /// Runs it. The error is a sentence.
    pub(super) async fn run(
        &self,
        vm: &Vm,
        arguments: &Arguments<'_>,
        canceled: CancellationToken,
    ) -> Result<Outcome, String> {
        if let Does::Vms = self.does {
            let listed = spawn_blocking(list::as_json).await.map_err(|error| error.to_string())?;
            return listed.map(Outcome::Text);
        }
        let request = if let Does::Run = self.does { Some(request(arguments)?) } else { None };
        tokio::select! {
            connected = vm.connect() => connected?,
            () = canceled.cancelled() => return Err("canceled".to_owned()),
        }
        let mut call = Call::new(vm, canceled).await;
        let done = match (&self.does, request) {
            (_, Some(request)) => {
                if !vm.client().policy().allows_request(&request) {
                    return Err(refused(&mut call, &request).await);
                }
                call.send(request).await
            }
            (Does::Builtin(words), _) => call.run(Text::Words(&words(arguments))).await,
            (Does::Help, _) => {
                let names = arguments.text("name").unwrap_or_default().split_whitespace().map(str::to_owned);
                let words: Vec<_> = std::iter::once(".help".to_owned()).chain(names).collect();
                call.run(Text::Words(&words)).await
            }
            (Does::Type, _) => {
                // In quotes all of it is text.
                let line = format!(".type {}", json!(arguments.text("text")));
                let line = LogicalLine::new(line, 1, Dialect::Qmp);
                call.run(Text::Line { line: &line, name: None }).await
            }
            (Does::Search, _) => search(&mut call, arguments.text("query").unwrap_or_default()).await,
            _ => return screen(&mut call, arguments.text("as").unwrap_or("auto")).await,
        };
        done.map(|text| Outcome::Text(if text.is_empty() { "done".to_owned() } else { text }))
    }
}

/// Makes the request of `run_command`.
fn request(arguments: &Arguments<'_>) -> Result<Request, String> {
    let none = json!({});
    let request = Request::new(arguments.text("command").unwrap_or_default());
    request.arguments(arguments.value("arguments").unwrap_or(&none)).map_err(|error| describe(&error))
}

/// Returns why a command is not sent: the VM has no such command, or the policy does not allow it.
async fn refused(call: &mut Call<'_>, request: &Request) -> String {
    let command = text::line(request.command());
    if let Ok(Some(schema)) = types::schema(call).await
        && schema.command(request.command()).is_none()
    {
        let hints = hints(&schema, request)
            .iter()
            .map(|hint| format!("\n  hint: {}", text::line(hint)))
            .collect::<Vec<_>>()
            .concat();
        return format!("this QEMU has no command `{command}`; nothing was sent{hints}");
    }
    // Lines of the human monitor have rules of their own.
    let message: Option<serde_json::Value> = serde_json::from_str(request.text()).ok();
    let line = message.as_ref().and_then(|message| message["arguments"]["command-line"].as_str());
    let option = match line.filter(|_| request.command() == "human-monitor-command") {
        Some(line) => format!("--allow 'hmp:{}'", text::line(line)),
        None => format!("--allow {command}"),
    };
    not_allowed(&command, &option)
}

fn not_allowed(command: &str, option: &str) -> String {
    format!(
        "the policy does not allow `{command}`; nothing was sent. Ask the person who configured this server: `{option}` \
         in the arguments of qmpsh allows it, unless --deny forbids it"
    )
}

async fn search(call: &mut Call<'_>, query: &str) -> Result<String, String> {
    let schema = types::schema(call).await.map_err(sentence)?;
    let client = call.client();
    let words = query.to_owned();
    let searching = spawn_blocking(move || builtins::search(&words, &client, schema.as_deref(), WIDTH));
    call.wait_for(searching, "the manual").await?.map_err(|error| error.to_string())?
}

/// The columns of a text.
const WIDTH: usize = 100;

async fn screen(call: &mut Call<'_>, form: &str) -> Result<Outcome, String> {
    let client = call.client();
    let is_image = form == "image";
    let work = async move {
        if is_image { picture(&client, None).await.map(Look::Picture) } else { look(&client, None).await }
    };
    let looked = call.wait_for(queries::to_its_end(work), "the guest's screen").await?;
    match looked.map_err(|problem| sentence(Stop::from(problem)))? {
        Look::Text(screen) => {
            let text = screen.text();
            Ok(Outcome::Text(if text.trim().is_empty() { "(the screen is blank)".to_owned() } else { text }))
        }
        Look::Picture(_) if form == "text" => {
            Err("the guest shows a picture, which has no text: call screen with \"as\": \"image\"".to_owned())
        }
        Look::Picture(picture) => {
            let (png, shown) = encoded(picture.clone()).map_err(|error| describe(&error))?;
            let scaled = if shown == (picture.width, picture.height) {
                String::new()
            } else {
                format!(", shown in {}x{}", shown.0, shown.1)
            };
            Ok(Outcome::Image(png, format!("{}x{} pixels{scaled}", picture.width, picture.height)))
        }
    }
}

/// Returns a picture in PNG, made smaller until a client takes it, and its width and height.
fn encoded(mut picture: Picture) -> std::io::Result<(Vec<u8>, (usize, usize))> {
    loop {
        let png = picture.png()?;
        if png.len() <= LARGEST || picture.width < 2 || picture.height < 2 {
            return Ok((png, (picture.width, picture.height)));
        }
        picture = picture.fitted(picture.width / 2, picture.height / 2).into_owned();
    }
}
