//! `.screen`: shows what the guest shows.

use std::env;
use std::io::{self, stdout};

use async_trait::async_trait;
use bytes::Bytes;

use super::super::arguments::{Refusal, Words};
use super::super::{print_text, renderer};
use super::whole;
use crate::output::columns::size_of;
use crate::output::render::Pieces;
use crate::screen::look::{Look, look, picture};
use crate::screen::picture::Picture;
use crate::screen::{Problem, blocks, kitty, sixel};
use crate::session::ask::TimeLimit;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use crate::terminal::{self, Graphics};
use qmpsh::error::describe;
use qmpsh::text;

/// The size of a cell in pixels if the terminal does not tell it. A small one, so that the picture fits.
const CELL: (usize, usize) = (8, 16);

/// Its name in messages.
const WHAT: &str = "the guest's screen";

/// `.screen [as=auto|text|kitty|sixel|blocks|png] [device=ID] [FILE]`
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
    Kitty,
    Sixel,
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
                "kitty" => Form::Kitty,
                "sixel" => Form::Sixel,
                "blocks" => Form::Blocks,
                "png" => Form::Png,
                _ => return Err(Refusal::new(span, "not `auto`, `text`, `kitty`, `sixel`, `blocks` or `png`")),
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
        let is_dumb = terminal::is_dumb(&env::var("TERM").unwrap_or_default());
        let shows_pictures = renderer.terminal && !is_dumb && renderer.colors.are_on();
        let mut graphics = Graphics::default();
        if shows_pictures && matches!(self.form, Form::Auto | Form::Kitty | Form::Sixel) && self.file.is_none() {
            let (answered, typed) = attend(frontend, terminal::graphics(), None, WHAT).await?.unwrap_or_default();
            graphics = answered;
            frontend.typed_ahead(typed);
        }
        let form = match self.form {
            Form::Auto if self.file.is_some() => Form::Png,
            Form::Auto if graphics.kitty => Form::Kitty,
            Form::Auto if graphics.sixel => Form::Sixel,
            Form::Auto if shows_pictures => Form::Blocks,
            form => form,
        };
        // The prompt stands below it.
        let size = size_of(stdout()).filter(|size| size.rows > 0);
        let (columns, rows) = size.map_or((80, 23), |size| (size.columns, size.rows.saturating_sub(1)));
        let (width, height) = graphics.cell.unwrap_or(CELL);
        let fitted = || picture.fitted(columns * width, rows * height);
        let failed = |error: io::Error| Stop::failed(describe(&error));
        match form {
            Form::Png if self.file.is_some() || !renderer.terminal => {
                self.put(frontend, picture.png().map_err(failed)?).await
            }
            Form::Kitty => self.put(frontend, kitty::draw(&fitted()).map_err(failed)?.into_bytes()).await,
            Form::Sixel => self.put(frontend, sixel::draw(&fitted()).into_bytes()).await,
            Form::Blocks => self.put(frontend, blocks::draw(picture, columns, rows).into_bytes()).await,
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
                Form::Png | Form::Kitty | Form::Sixel | Form::Blocks => {
                    picture(&client, device.as_deref()).await.map(Look::Picture)
                }
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
        assert_eq!(read("as=jpeg").unwrap_err(), "not `auto`, `text`, `kitty`, `sixel`, `blocks` or `png`");
        assert_eq!(read("a b").unwrap_err(), ".screen takes no more arguments");
    }
}
