//! `.output`, `.timing` and `.pager`: settings of the output.

use async_trait::async_trait;

use super::arguments::{Refusal, Words, on_or_off};
use super::print_text;
use crate::cli::OutputMode;
use crate::output::render::Renderer;
use crate::session::{Builtin, Frontend};
use crate::status::Stop;

/// `.output [MODE]`
#[derive(Debug)]
pub(super) struct Output(Option<OutputMode>);

impl Output {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let Some((name, span)) = words.next()? else { return Ok(Self(None)) };
        match OutputMode::named(&name) {
            Some(mode) => Ok(Self(Some(mode))),
            None => Err(Refusal::new(span, "not one of `auto`, `json`, `pretty`, `table` and `raw`")),
        }
    }
}

#[async_trait(?Send)]
impl Builtin for Output {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        if let Some(mode) = self.0 {
            let options = frontend.session().options;
            *frontend.renderer() = Renderer::new(mode, options.color, options.quiet);
            return Ok(());
        }
        let name = frontend.renderer().mode.name();
        print_text(frontend, &name).await
    }
}

/// `.timing [on|off]`
#[derive(Debug)]
pub(super) struct ShowTiming(Option<bool>);

impl ShowTiming {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        words.next()?.map(on_or_off).transpose().map(Self)
    }
}

#[async_trait(?Send)]
impl Builtin for ShowTiming {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let timing = &mut frontend.session().timing;
        if let Some(is_on) = self.0 {
            timing.is_on = is_on;
            return Ok(());
        }
        let shown = if timing.is_on { "on" } else { "off" };
        print_text(frontend, shown).await
    }
}

/// `.pager [on|off]`
#[derive(Debug)]
pub(super) struct UsePager(Option<bool>);

impl UsePager {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        words.next()?.map(on_or_off).transpose().map(Self)
    }
}

#[async_trait(?Send)]
impl Builtin for UsePager {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let pager = &mut frontend.session().pager;
        if let Some(is_on) = self.0 {
            pager.is_on = is_on;
            return Ok(());
        }
        let shown = pager.command().unwrap_or("off").to_owned();
        print_text(frontend, &shown).await
    }
}
