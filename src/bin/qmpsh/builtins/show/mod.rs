//! `.show`: draws what belongs together, such as the block graph or the PCI tree.
//!
//! `views` asks the peer. A file for each view makes a `tree` of the replies, without I/O. `draw` makes a text for people of any tree,
//! and `forms` makes JSON and DOT.

mod block;
mod chardevs;
mod cpus;
mod draw;
mod forms;
mod machines;
mod memory;
mod net;
mod pci;
mod qom;
mod replies;
#[cfg(test)]
mod samples_tests;
mod tree;
mod views;

use std::fmt::Write as _;

use async_trait::async_trait;

use super::arguments::{Refusal, Words};
use super::{print_text, print_value, renderer};
use crate::cli::OutputMode;
use crate::output::render::{Form, Pieces, Renderer};
use crate::session::{Builtin, Frontend};
use crate::status::Stop;
use draw::{Lines, Style};
use qmpsh::schema::nearest;
use tree::Tree;
use views::{VIEWS, View};

pub(super) use views::drawn_by;

/// `.show [as=tree|json|dot] [VIEW [WHAT]]`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Show {
    form: Option<ShowAs>,
    /// `None`: list the views.
    view: Option<View>,
    what: Option<String>,
}

/// The forms of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShowAs {
    Tree,
    Json,
    Dot,
}

impl Show {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [form] = words.options(["as"])?;
        let view = words.next()?;
        let view = view.map(|(name, span)| {
            VIEWS.iter().find(|view| view.name == name).copied().ok_or_else(|| {
                let names = VIEWS.map(|view| view.name);
                let hint = match nearest(&name, names) {
                    Some(name) => format!("did you mean {name}?"),
                    None => format!("the views are {}", names.join(", ")),
                };
                Refusal::new(span, format!("no such view ({hint})"))
            })
        });
        let view = view.transpose()?;
        let form = form.map(|(name, span)| match name.as_str() {
            "tree" => Ok(ShowAs::Tree),
            "json" => Ok(ShowAs::Json),
            "dot" if view.is_none_or(|view| view.name == "block") => Ok(ShowAs::Dot),
            "dot" => Err(Refusal::new(span, "only .show block has this form")),
            _ => Err(Refusal::new(span, "not one of `tree`, `json` and `dot`")),
        });
        let form = form.transpose()?;
        if form.is_some() && view.is_none() {
            return Err(words.refusal("the name of a view is missing"));
        }
        let what = if view.is_some() { words.next()?.map(|(what, _)| what) } else { None };
        Ok(Self { form, view, what })
    }

    /// Returns the form, by where the result goes if the user did not choose one.
    fn form(&self, renderer: Renderer) -> ShowAs {
        let by_mode = match renderer.mode {
            OutputMode::Table => ShowAs::Tree,
            OutputMode::Auto if renderer.terminal => ShowAs::Tree,
            _ => ShowAs::Json,
        };
        self.form.unwrap_or(by_mode)
    }
}

#[async_trait(?Send)]
impl Builtin for Show {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let renderer = renderer(frontend);
        let Some(view) = self.view else { return list_views(frontend, renderer).await };
        let tree = views::ask(frontend, view, self.what.as_deref()).await?;
        match self.form(renderer) {
            ShowAs::Tree => return print_tree(frontend, renderer, view, tree).await,
            ShowAs::Dot => print_text(frontend, &forms::dot(&tree)).await?,
            ShowAs::Json => {
                let form = match renderer.form {
                    Form::Table if renderer.terminal => Form::Pretty,
                    Form::Table => Form::Json,
                    form => form,
                };
                let result = Renderer { form, ..renderer }.value(forms::json(&tree));
                frontend.print(result).await?;
            }
        }
        for note in &tree.notes {
            frontend.notifier().say(note);
        }
        Ok(())
    }
}

async fn print_tree(frontend: &mut dyn Frontend, renderer: Renderer, view: View, tree: Tree) -> Result<(), Stop> {
    let mut shown = String::new();
    if tree.entries.is_empty() {
        let _ = writeln!(shown, "{}", view.nothing);
    }
    let style = Style {
        width: renderer.terminal.then(|| renderer.width()),
        lines: Lines::of_locale(|name| std::env::var(name).ok()),
        colors: renderer.colors,
    };
    if !tree.entries.is_empty() {
        shown.push_str(&draw::draw(&tree, style));
    }
    frontend.print(Pieces::drawn(shown)).await
}

async fn list_views(frontend: &mut dyn Frontend, renderer: Renderer) -> Result<(), Stop> {
    if !renderer.plain_text || matches!(renderer.form, Form::Table) {
        let views: Vec<_> =
            VIEWS.iter().map(|view| serde_json::json!({ "name": view.name, "shows": view.about })).collect();
        return print_value(frontend, serde_json::Value::from(views).to_string()).await;
    }
    let mut shown = String::new();
    for View { name, about, .. } in VIEWS {
        let _ = writeln!(shown, "{name:10}{about}");
    }
    print_text(frontend, &crate::output::columns::wrap(&shown, renderer.width())).await
}

#[cfg(test)]
mod tests {
    use super::super::arguments::read_line;
    use super::*;
    use crate::cli::ColorMode;

    #[test]
    fn arguments_are_read() {
        let read = |line: &str| {
            let show = read_line(line, Show::read)?;
            Ok((show.form, show.view.map(|view| view.name), show.what))
        };
        let check = |line: &str, form, view, what: Option<&str>| {
            assert_eq!(read(line), Ok((form, view, what.map(str::to_owned))), "{line}");
        };
        check(".show", None, None, None);
        check(".show block", None, Some("block"), None);
        check(".show as=dot block top", Some(ShowAs::Dot), Some("block"), Some("top"));
        check(".show qom /machine/peripheral", None, Some("qom"), Some("/machine/peripheral"));
        let check =
            |line: &str, expected: &str| assert_eq!(read(line), Err::<(_, _, _), _>(expected.to_owned()), "{line}");
        check(".show blok", "no such view (did you mean block?)");
        check(".show usb", "no such view (the views are block, pci, qom, cpus, net, chardevs, memory, machines)");
        check(".show as=xml block", "not one of `tree`, `json` and `dot`");
        check(".show as=dot pci", "only .show block has this form");
        check(".show block a b", ".show takes no more arguments");
    }

    #[test]
    fn the_form_depends_on_where_the_result_goes() {
        let show = |form| Show { form, view: Some(VIEWS[0]), what: None };
        let renderer = |mode, terminal| Renderer { terminal, ..Renderer::new(mode, ColorMode::Never, false) };
        let check = |form, mode, terminal, expected| {
            assert_eq!(show(form).form(renderer(mode, terminal)), expected, "{form:?} {mode:?} {terminal}");
        };
        check(None, OutputMode::Auto, true, ShowAs::Tree);
        check(None, OutputMode::Auto, false, ShowAs::Json);
        check(None, OutputMode::Json, true, ShowAs::Json);
        check(None, OutputMode::Pretty, true, ShowAs::Json);
        check(None, OutputMode::Raw, true, ShowAs::Json);
        check(None, OutputMode::Table, false, ShowAs::Tree);
        check(Some(ShowAs::Tree), OutputMode::Json, false, ShowAs::Tree);
        check(Some(ShowAs::Json), OutputMode::Auto, true, ShowAs::Json);
    }
}
