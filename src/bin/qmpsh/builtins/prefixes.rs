//! Built-in commands that run another command: `.try`, `.watch`, `.oob`.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Zoned;

use super::arguments::{Refusal, Words, count, seconds};
use crate::output::changes::Changes;
use crate::session::{Action, Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use crate::terminal::is_dumb;

/// The time between two runs if none is given, as with `watch`.
const PAUSE: Duration = Duration::from_secs(2);

/// `.watch [SECONDS] [count=N] COMMAND`
#[derive(Debug)]
pub(super) struct Watch {
    /// The time between the end of one run and the beginning of the next.
    pause: Duration,
    /// How many runs; `None` for no end.
    count: Option<u64>,
    action: Action,
}

impl Watch {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [given] = words.options(["count"])?;
        let count = given.map(count).transpose()?;
        let pause = words.next()?.map_or(Ok(PAUSE), seconds)?;
        Ok(Self { pause, count, action: words.carried()? })
    }
}

#[async_trait(?Send)]
impl Builtin for Watch {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        frontend.begin_stream(false).await?;
        let outer = frontend.session().watched.take();
        let done = self.repeat(frontend).await;
        frontend.session().watched = outer;
        done
    }
}

impl Watch {
    async fn repeat(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let mut changes = Changes::default();
        let mut runs = 0;
        loop {
            let renderer = *frontend.renderer();
            let is_for_person = renderer.is_for_person() && !frontend.session().is_piped;
            if is_for_person {
                let time = Zoned::now().strftime("%H:%M:%S").to_string();
                frontend.print(renderer.heading(&time)).await?;
                changes.begin_run();
            }
            let is_marked = is_for_person && !is_dumb(&std::env::var("TERM").unwrap_or_default());
            frontend.session().watched = is_marked.then(|| std::mem::take(&mut changes));
            let done = self.action.clone().run(frontend).await;
            changes = frontend.session().watched.take().unwrap_or_default();
            done?;
            runs += 1;
            if self.count == Some(runs) {
                return Ok(());
            }
            attend(frontend, tokio::time::sleep(self.pause), None, "the next run").await?;
        }
    }
}

/// `.try COMMAND`
#[derive(Debug)]
pub(super) struct Try(Action);

impl Try {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        words.carried().map(Self)
    }
}

#[async_trait(?Send)]
impl Builtin for Try {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        match self.0.clone().run(frontend).await {
            Err(Stop::Failed(failure)) if failure.status == Status::CommandFailed => frontend.report(&failure).await,
            done => done,
        }
    }
}

/// Reads `.oob COMMAND`, which is the command itself, sent out of band.
pub(super) fn out_of_band(words: &mut Words<'_>) -> Result<Action, Refusal> {
    let Action::Send(request, _) = words.carried()? else {
        return Err(words.refusal("only a command for the peer can go out of band"));
    };
    // No command that can run out of band has an argument of unknown type.
    Ok(Action::Send(request.out_of_band(), None))
}
