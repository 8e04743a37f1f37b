//! `.screen`: shows what the guest shows.

use std::io::stdout;

use async_trait::async_trait;
use bytes::Bytes;

use super::super::arguments::{Refusal, Words};
use super::super::{print_text, renderer};
use super::whole;
use crate::output::columns::size_of;
use crate::output::render::Pieces;
use crate::screen::look::{Look, look, picture};
use crate::screen::picture::Picture;
use crate::screen::{Problem, blocks};
use crate::session::ask::TimeLimit;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use crate::terminal;
use qmpsh::error::describe;
use qmpsh::text;

/// Its name in messages.
const WHAT: &str = "the guest's screen";

/// `.screen [as=auto|text|blocks|png] [device=ID] [FILE]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Screen {
    form: Form,
    device: Option<String>,
    file: Option<String>,
}

/// How the screen is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Auto,
    Text,
    Blocks,
    Png,
}

impl Screen {
    pub(in super::super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [form, device] = words.options(["as", "device"])?;
        let form = match form {
            None => Form::Auto,
            Some((text, span)) => match text.as_str() {
                "auto" => Form::Auto,
                "text" => Form::Text,
                "blocks" => Form::Blocks,
                "png" => Form::Png,
                _ => return Err(Refusal::new(span, "not `auto`, `text`, `blocks` or `png`")),
            },
        };
        Ok(Self { form, device: device.map(|(text, _)| text), file: words.next()?.map(|(text, _)| text) })
    }

    /// Shows or writes bytes as they are.
    async fn put(&self, frontend: &mut dyn Frontend, bytes: Vec<u8>) -> Result<(), Stop> {
        let Some(file) = self.file.clone() else {
            return frontend.print(Pieces::Parts(vec![Bytes::from(bytes)].into_iter())).await;
        };
        let shown = text::line(&file).into_owned();
        // The file may be a FIFO.
        let write = tokio::task::spawn_blocking(move || std::fs::write(file, bytes));
        match attend(frontend, write, None, &shown).await? {
            Some(Ok(Err(error))) => Err(Stop::failed(format!("cannot write {shown}: {}", describe(&error)))),
            _ => Ok(()),
        }
    }

    async fn show_picture(&self, frontend: &mut dyn Frontend, picture: &Picture) -> Result<(), Stop> {
        let renderer = renderer(frontend);
        let form = match self.form {
            Form::Auto if self.file.is_some() => Form::Png,
            Form::Auto if renderer.terminal && terminal::can_edit() && renderer.colors.are_on() => Form::Blocks,
            form => form,
        };
        match form {
            Form::Png if self.file.is_some() || !renderer.terminal => {
                let png = picture.png().map_err(|error| Stop::failed(describe(&error)))?;
                self.put(frontend, png).await
            }
            Form::Blocks => {
                let size = size_of(stdout()).filter(|size| size.rows > 0);
                let (columns, rows) = size.map_or((80, 24), |size| (size.columns, size.rows));
                // The prompt stands below it.
                self.put(frontend, blocks::draw(picture, columns, rows.saturating_sub(1)).into_bytes()).await
            }
            _ => Err(Stop::new(
                Status::CommandFailed,
                format!(
                    "the guest shows a picture, {}x{}: name a FILE to save it, as in `.screen screen.png`",
                    picture.width, picture.height
                ),
            )),
        }
    }
}

#[async_trait(?Send)]
impl Builtin for Screen {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let limit = TimeLimit::new(frontend.session().options.timeout);
        let client = frontend.session().client.clone();
        let (device, form, has_file) = (self.device.clone(), self.form, self.file.is_some());
        let work = async move {
            match form {
                Form::Png | Form::Blocks => picture(&client, device.as_deref()).await.map(Look::Picture),
                Form::Auto if has_file => picture(&client, device.as_deref()).await.map(Look::Picture),
                Form::Auto | Form::Text => look(&client, device.as_deref()).await,
            }
        };
        match whole(frontend, work, limit.end, WHAT).await? {
            None => Err(Stop::new(Status::TimedOut, format!("no reply about {WHAT} within {limit}"))),
            Some(Look::Text(screen)) if self.file.is_some() => {
                self.put(frontend, (screen.text() + "\n").into_bytes()).await
            }
            Some(Look::Text(screen)) => print_text(frontend, &(screen.text() + "\n")).await,
            Some(Look::Picture(picture)) if form == Form::Text => {
                let size = format!("{}x{}", picture.width, picture.height);
                Err(Problem::failed(format!("the guest shows a picture, {size}, and no text")).into())
            }
            Some(Look::Picture(picture)) => self.show_picture(frontend, &picture).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::arguments::read_line;
    use super::*;

    #[test]
    fn options_and_a_file_are_read() {
        let read = |words: &str| read_line(&format!(".screen {words}"), Screen::read);
        let screen = |form, device: Option<&str>, file: Option<&str>| {
            Ok(Screen { form, device: device.map(str::to_owned), file: file.map(str::to_owned) })
        };
        assert_eq!(read(""), screen(Form::Auto, None, None));
        assert_eq!(read("as=png device=vga0 \"a b.png\""), screen(Form::Png, Some("vga0"), Some("a b.png")));
        assert_eq!(read("x.png as=text"), screen(Form::Text, None, Some("x.png")));
        assert_eq!(read("as=jpeg").unwrap_err(), "not `auto`, `text`, `blocks` or `png`");
        assert_eq!(read("a b").unwrap_err(), ".screen takes no more arguments");
    }
}
