//! `.jobs` and `.job`: jobs, and the waiting for one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::sleep;

use super::print_value;
use super::waiting::Waiting;
use super::words::{Refusal, Words, seconds};
use crate::output::progress::{self, Pace};
use crate::session::ask::Answer;
use crate::session::queries::Query;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::jobs::{Attention, Goal, Job, Outcome};
use qmpsh::message::Request;
use qmpsh::text;

/// How many ids the message about an unknown one names.
const NAMED: usize = 5;

/// How often to ask about a job whose events should tell everything: no job may wait forever for an event.
const LOOK: Duration = Duration::from_secs(2);

/// `.job [timeout=S] [until=ready|pending|concluded] ID`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobWait {
    id: String,
    goal: Goal,
    timeout: Option<Duration>,
}

impl JobWait {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [timeout, until] = words.options(["timeout", "until"])?;
        let timeout = timeout.map(seconds).transpose()?;
        let goal = match until {
            None => Goal::default(),
            Some((name, span)) => match name.as_str() {
                "ready" => Goal::Ready,
                "pending" => Goal::Pending,
                "concluded" => Goal::Concluded,
                _ => return Err(Refusal::new(span, "not one of `ready`, `pending` and `concluded`")),
            },
        };
        let id = words.required("the id of a job")?;
        Ok(Self { id, goal, timeout })
    }

    /// Waits until the job is where it should be, and returns what is known of it.
    async fn pursue(&self, frontend: &mut dyn Frontend, mut waiting: Waiting) -> Result<Job, Stop> {
        let tracker = Arc::clone(&frontend.session().tracker);
        look(frontend, &waiting).await?;
        let mut pace = Pace::default();
        let (mut asked_why, mut is_late) = (false, false);
        loop {
            let Some(job) = tracker.jobs().get(&self.id).cloned() else {
                let known = self.known(&tracker.jobs().all());
                return Err(Stop::failed(Status::CommandFailed, known));
            };
            if job.is_to_be_asked() {
                look(frontend, &waiting).await?;
                continue;
            }
            if job.is_to_be_dismissed() {
                dismiss(frontend, &waiting, &job).await?;
            }
            if let Some(outcome) = job.outcome() {
                return match failure(&job, outcome) {
                    None => Ok(job),
                    Some(sentence) => Err(Stop::failed(Status::CommandFailed, sentence)),
                };
            }
            if job.has_reached(self.goal) {
                if job.is_answered() {
                    return Ok(job);
                }
                // Events do not tell amounts.
                look(frontend, &waiting).await?;
                continue;
            }
            if job.attention() != Some(Attention::Resume) {
                asked_why = false;
            } else if !std::mem::replace(&mut asked_why, true) {
                // The event about the error may be from before the session.
                look_at_block_jobs(frontend, &waiting, false).await?;
                continue;
            }
            if is_late {
                return Err(Stop::failed(Status::TimedOut, self.still(&job, &waiting)));
            }
            if let Some(progress) = job.progress {
                pace.add(waiting.since.elapsed(), progress.current);
            }
            waiting.show(frontend, |waited, width| progress::of_job(&job, &pace, waited, width));
            waiting.note(frontend, job.attention(), |attention| format!("is {}", progress::needs(&job.id, attention)));
            let tick = waiting.tick(LOOK);
            let news = async {
                tokio::select! {
                    () = tracker.job_news() => false,
                    () = sleep(tick) => true,
                }
            };
            match attend(frontend, news, waiting.limit.end, &waiting.what).await? {
                Some(false) => {}
                Some(true) => look(frontend, &waiting).await?,
                None => {
                    // The message tells how the job is now.
                    look(frontend, &waiting).await?;
                    is_late = true;
                }
            }
        }
    }

    /// The message about a job for which the time was too short.
    fn still(&self, job: &Job, waiting: &Waiting) -> String {
        let goal = match self.goal {
            Goal::Ready => "ready",
            Goal::Pending => "pending",
            Goal::Concluded => "over",
        };
        let amount = progress::amount(job.progress).map_or_else(String::new, |amount| format!(" ({amount})"));
        let state = match (job.attention(), &job.status) {
            (Some(attention), _) => progress::needs(&job.id, attention),
            (None, Some(status)) => text::line(status.as_str()).into_owned(),
            (None, None) => "running".to_owned(),
        };
        format!("{} is not {goal} after {}{amount}; it is {state}", waiting.what, waiting.limit)
    }

    /// The message about a job that was never seen.
    fn known(&self, jobs: &[&Job]) -> String {
        let known: Vec<_> = jobs.iter().rev().take(NAMED).map(|job| named(&job.id)).collect();
        let known = if known.is_empty() {
            "this session saw no other job".to_owned()
        } else {
            format!("the last jobs of this session: {} (.jobs lists all)", known.join(", "))
        };
        let id = named(&self.id);
        format!("no job {id} found: it has another id, or ended before this session began; {known}")
    }
}

/// `.jobs`
#[derive(Debug)]
pub(super) struct JobList;

#[async_trait(?Send)]
impl Builtin for JobList {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let waiting = Waiting::new(frontend, None, "the list of jobs".to_owned());
        look(frontend, &waiting).await?;
        let jobs: Vec<String> = frontend.session().tracker.jobs().all().into_iter().map(Job::to_json).collect();
        print_value(frontend, format!("[{}]", jobs.join(", "))).await
    }
}

#[async_trait(?Send)]
impl Builtin for JobWait {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let waiting = Waiting::new(frontend, self.timeout, format!("the job {}", named(&self.id)));
        let done = self.pursue(frontend, waiting).await;
        frontend.show_progress(None);
        print_value(frontend, done?.to_json()).await
    }
}

/// Asks what jobs there are.
async fn look(frontend: &mut dyn Frontend, waiting: &Waiting) -> Result<(), Stop> {
    let asked = frontend.session().tracker.jobs().latest();
    match waiting.query(frontend, Query::Jobs).await? {
        Answer::Reply(reply) => {
            let result: Bytes = reply.result().unwrap_or_default();
            if frontend.session().tracker.jobs().on_query(&result, asked, true) {
                return Ok(());
            }
            Err(Stop::failed(
                Status::CommandFailed,
                "the peer's reply to `query-jobs` is not a list of jobs".to_owned(),
            ))
        }
        // Before QEMU 3.0.
        Answer::Refused { class, .. } if class == "CommandNotFound" => {
            look_at_block_jobs(frontend, waiting, true).await
        }
        Answer::Refused { class, desc } => Err(Stop::failed(Status::CommandFailed, format!("{class}: {desc}"))),
    }
}

/// Asks what block jobs there are. `are_all`: the peer has no other jobs.
async fn look_at_block_jobs(frontend: &mut dyn Frontend, waiting: &Waiting, are_all: bool) -> Result<(), Stop> {
    let asked = frontend.session().tracker.jobs().latest();
    match waiting.query(frontend, Query::BlockJobs).await? {
        Answer::Reply(reply) => {
            let result: Bytes = reply.result().unwrap_or_default();
            frontend.session().tracker.jobs().on_query(&result, asked, are_all);
            Ok(())
        }
        Answer::Refused { .. } if !are_all => Ok(()),
        Answer::Refused { class, .. } if class == "CommandNotFound" => {
            Err(Stop::failed(Status::CommandFailed, "this peer has no jobs: it does not know `query-jobs`".to_owned()))
        }
        Answer::Refused { class, desc } => Err(Stop::failed(Status::CommandFailed, format!("{class}: {desc}"))),
    }
}

/// Dismisses a job that has concluded. Another client may have done it at the same moment.
async fn dismiss(frontend: &mut dyn Frontend, waiting: &Waiting, job: &Job) -> Result<(), Stop> {
    let id = serde_json::to_string(&job.id).unwrap_or_default();
    let request = Request {
        text: format!(r#"{{"execute":"job-dismiss","arguments":{{"id":{id}}}}}"#),
        ..Request::new("job-dismiss")
    };
    if let Answer::Refused { desc, .. } = waiting.send(frontend, request).await? {
        look(frontend, waiting).await?;
        let stays = frontend.session().tracker.jobs().get(&job.id).is_some_and(Job::is_to_be_dismissed);
        if stays {
            frontend.say(&format!("{} stays, because it cannot be dismissed: {desc}", waiting.what));
        }
    }
    Ok(())
}

/// Why a job counts as failed; `None` if it completed.
fn failure(job: &Job, outcome: Outcome<'_>) -> Option<String> {
    let id = named(&job.id);
    Some(match outcome {
        Outcome::Completed => return None,
        Outcome::Failed(error) => format!("the job {id} failed: {}", text::line(error)),
        Outcome::FailedUnexplained => {
            format!("the job {id} failed, and was dismissed before qmpsh could read its error")
        }
        Outcome::Cancelled => format!("the job {id} was cancelled"),
        Outcome::Unknown => format!("the job {id} is gone; this session did not see how it ended"),
    })
}

/// An id in a sentence.
fn named(id: &str) -> String {
    format!("`{}`", text::line(id))
}
