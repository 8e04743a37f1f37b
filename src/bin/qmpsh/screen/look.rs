//! Reads what the guest shows.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde_json::json;

use super::Problem;
use super::peer::{human, request, send};
use super::picture::Picture;
use super::text::TextScreen;
use qmpsh::client::Client;
use qmpsh::error::describe;
use qmpsh::message::{Descriptor, Request};

/// The line for the human monitor that reads the memory of VGA's text mode.
const READ_TEXT: &str = "xp /4000bx 0xb8000";

/// The commands that hand over a picture.
const READ_PICTURE: [&str; 3] = ["add-fd", "screendump", "remove-fd"];

/// How often to look again if the guest writes meanwhile.
const TRIES: usize = 3;

/// What the guest shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    Text(TextScreen),
    Picture(Picture),
}

/// Returns a handle that may read the screen also where a policy allows only what reads: it sends no other line for the human monitor,
/// and no other path than that of the file that it has just added.
fn reader(client: &Client) -> Client {
    let rules = READ_PICTURE.into_iter().map(str::to_owned).chain([format!("hmp:{READ_TEXT}")]);
    client.allowing(rules.filter_map(|rule| rule.parse().ok()))
}

/// Returns the command of those that read the screen that a rule of the client's policy denies.
pub(crate) fn denied(client: &Client) -> Option<&'static str> {
    let reader = reader(client);
    let line = json!({ "command-line": READ_TEXT }).to_string();
    let is_denied = |command: &&str| !reader.policy().allows(command, b"{}");
    let denied = READ_PICTURE.into_iter().find(is_denied);
    denied.or_else(|| {
        (!reader.policy().allows("human-monitor-command", line.as_bytes())).then_some("human-monitor-command")
    })
}

/// Reads what the guest shows: its text in VGA's text mode, otherwise a picture. `device` is the display.
pub(crate) async fn look(client: &Client, device: Option<&str>) -> Result<Look, Problem> {
    let mut last = None;
    for _ in 0..TRIES {
        // A peer without the human monitor may still have a picture, and a policy may forbid one of the two.
        let answer = match human(&reader(client), READ_TEXT).await {
            Err(Problem::Lost) => return Err(Problem::Lost),
            answer => answer,
        };
        let text = answer.ok().and_then(|answer| TextScreen::read(&answer));
        let picture = match picture(client, device).await {
            Ok(picture) => picture,
            Err(Problem::Failed(_, _)) if text.as_ref().is_some_and(TextScreen::is_plausible) => {
                // It is QEMU that has no way to hand over a picture.
                return text.map(Look::Text).ok_or(Problem::Lost);
            }
            Err(problem) => return Err(problem),
        };
        match text {
            Some(text) if text.is_shown_in(&picture) => return Ok(Look::Text(text)),
            Some(_) => last = Some(picture),
            None => return Ok(Look::Picture(picture)),
        }
    }
    last.map(Look::Picture).ok_or(Problem::Lost)
}

/// Reads the picture that the guest shows.
pub(crate) async fn picture(client: &Client, device: Option<&str>) -> Result<Picture, Problem> {
    // A directory that only exists here: a QEMU elsewhere fails, and leaves no file there.
    let directory = tempfile::tempdir().map_err(|error| no_file(&error))?;
    let path = directory.path().join("screen.ppm");
    let file = File::create(&path).map_err(|error| no_file(&error))?;
    if client.passes_descriptors() {
        let client = &reader(client);
        let added = send(client, Request::new("add-fd").descriptor(Descriptor::from(file))).await?;
        let set = added["fdset-id"].clone();
        let dumped = dump(client, &format!("/dev/fdset/{set}"), device).await;
        let removed = send(client, request("remove-fd", &json!({ "fdset-id": set }))?).await;
        dumped.and(removed.map(drop))?;
    } else {
        let dumped = dump(client, &path.to_string_lossy(), device).await;
        dumped.map_err(|problem| elsewhere(problem, &path))?;
    }
    let bytes = fs::read(&path).map_err(|error| no_file(&error))?;
    Picture::read(&bytes).ok_or_else(|| Problem::failed("QEMU did not write a picture"))
}

async fn dump(client: &Client, path: &str, device: Option<&str>) -> Result<(), Problem> {
    let mut arguments = json!({ "filename": path });
    if let Some(device) = device {
        arguments["device"] = device.into();
    }
    send(client, request("screendump", &arguments)?).await.map(drop)
}

fn no_file(error: &io::Error) -> Problem {
    Problem::failed(format!("cannot make a file for the picture: {}", describe(error)))
}

/// Says that a QEMU which gets no descriptor could not write the file either.
fn elsewhere(problem: Problem, path: &Path) -> Problem {
    match problem {
        Problem::Refused { desc, .. } if desc.contains(&*path.to_string_lossy()) => Problem::failed(format!(
            "cannot get the picture: QEMU cannot write {} ({desc}); over a Unix socket it needs no file",
            path.display()
        )),
        other => other,
    }
}
