//! Commands that carry another one: `.try`, `.watch`, `.oob`.

use std::time::Duration;

use super::Host;
use super::words::{Refusal, Words, count, seconds};
use crate::session::eval::Action;

/// `.watch SECONDS [count=N] COMMAND`
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// The pause between the end of one and the beginning of the next.
    pause: Duration,
    /// For ever without a number.
    count: Option<u64>,
    action: Box<Action>,
}

impl Watch {
    pub(super) fn read(words: &mut Words<'_>, carried: Option<Action>) -> Result<Self, Refusal> {
        let pause = seconds(words.required_at("the number of seconds")?)?;
        let [given] = words.options(["count"])?;
        let count = given.map(count).transpose()?;
        Ok(Self { pause, count, action: Box::new(words.carried(carried)?) })
    }

    pub(super) async fn run<H: Host>(self, host: &mut H) -> Result<(), H::Stop> {
        host.runs_until_interrupted();
        let mut done = 0;
        loop {
            host.run(Action::clone(&self.action)).await?;
            done += 1;
            if self.count == Some(done) {
                return Ok(());
            }
            host.attend(tokio::time::sleep(self.pause), None, "the next run").await?;
        }
    }
}

/// `.try COMMAND`
pub(super) async fn attempt<H: Host>(host: &mut H, action: Action) -> Result<(), H::Stop> {
    match host.run(action).await {
        Ok(()) => Ok(()),
        Err(stop) => host.report_and_continue(stop).await,
    }
}

/// `.oob COMMAND`: the command itself, sent another way.
pub(super) fn out_of_band(words: Words<'_>, carried: Option<Action>) -> Result<Action, Refusal> {
    let Action::Send(mut request, _) = words.carried(carried)? else {
        return Err(words.refusal("only a command for the peer can go out of band"));
    };
    words.end()?;
    request.send_out_of_band();
    // A command of that kind has no argument whose type must be found out.
    Ok(Action::Send(request, None))
}
