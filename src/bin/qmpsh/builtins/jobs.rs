//! `.jobs` and `.job`.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::Host;
use super::asking::{Asked, Waiting, ask, print_json, send};
use super::words::{Refusal, Words, seconds};
use crate::output::progress::{self, Pace};
use crate::session::queries::Query;
use crate::status::Status;
use qmpsh::jobs::{Attention, Goal, Job, Outcome};
use qmpsh::message::Request;
use qmpsh::text;

/// How many ids are named to somebody who asks for one that is not known.
const NAMED: usize = 5;

/// How often a job is looked at if events tell what becomes of it: they should, but nothing may wait for ever for one.
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

    pub(super) async fn run<H: Host>(self, host: &mut H) -> Result<(), H::Stop> {
        let waiting = Waiting::new(host, self.timeout, format!("the job {}", named(&self.id)));
        let done = self.pursue(host, waiting).await;
        host.show_progress(None);
        let job = done?;
        print_json(host, &job.to_json()).await
    }

    /// Waits until the job is where it should be; it is as it was seen last.
    async fn pursue<H: Host>(&self, host: &mut H, mut waiting: Waiting) -> Result<Job, H::Stop> {
        let memory = host.jobs();
        look(host, &waiting).await?;
        let mut pace = Pace::default();
        let (mut asked_why, mut is_late) = (false, false);
        loop {
            let Some(job) = memory.jobs().get(&self.id).cloned() else {
                let known = self.known(&memory.jobs().all());
                return Err(host.fail(Status::CommandFailed, known));
            };
            if job.is_to_be_asked() {
                look(host, &waiting).await?;
                continue;
            }
            if job.is_to_be_dismissed() {
                dismiss(host, &waiting, &job).await?;
            }
            if let Some(outcome) = job.outcome() {
                return match failure(&job, outcome) {
                    None => Ok(job),
                    Some(sentence) => Err(host.fail(Status::CommandFailed, sentence)),
                };
            }
            if job.has_reached(self.goal) {
                if job.is_answered() {
                    return Ok(job);
                }
                // An event does not tell how far it has come.
                look(host, &waiting).await?;
                continue;
            }
            if job.attention() != Some(Attention::Resume) {
                asked_why = false;
            } else if !std::mem::replace(&mut asked_why, true) {
                // The event about the error may be from before the session.
                look_at_block_jobs(host, &waiting, false).await?;
                continue;
            }
            if is_late {
                return Err(host.fail(Status::TimedOut, self.still(&job, &waiting)));
            }
            if let Some(progress) = job.progress {
                pace.add(waiting.since.elapsed(), progress.current);
            }
            waiting.show(host, |waited, width| progress::of_job(&job, &pace, waited, width));
            waiting.note(host, job.attention(), |attention| format!("is {}", progress::needs(&job.id, attention)));
            let tick = waiting.tick(LOOK);
            let news = async {
                tokio::select! {
                    () = memory.changed() => false,
                    () = sleep(tick) => true,
                }
            };
            match host.attend(news, waiting.limit, &waiting.what).await? {
                Some(false) => {}
                Some(true) => look(host, &waiting).await?,
                None => {
                    // What is said of it is not what it was before.
                    look(host, &waiting).await?;
                    is_late = true;
                }
            }
        }
    }

    /// What to say of a job for which the time was too short.
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
        format!("{} is not {goal} after {}{amount}; it is {state}", waiting.what, waiting.seconds())
    }

    /// What to say to somebody who asks for a job that was never seen.
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
pub(super) async fn list<H: Host>(host: &mut H) -> Result<(), H::Stop> {
    let waiting = Waiting::new(host, None, "the list of jobs".to_owned());
    look(host, &waiting).await?;
    let jobs: Vec<String> = host.jobs().jobs().all().into_iter().map(Job::to_json).collect();
    print_json(host, &format!("[{}]", jobs.join(", "))).await
}

/// Asks what jobs there are.
async fn look<H: Host>(host: &mut H, waiting: &Waiting) -> Result<(), H::Stop> {
    let asked = host.jobs().jobs().latest();
    match ask(host, Query::Jobs, waiting).await? {
        Asked::Reply(reply) => {
            let result: Bytes = reply.result().unwrap_or_default();
            if host.jobs().jobs().on_query_jobs(&result, asked) {
                return Ok(());
            }
            Err(host.fail(Status::CommandFailed, "the peer's reply to `query-jobs` is not a list of jobs".to_owned()))
        }
        // Before QEMU 3.0.
        Asked::Refused { class, .. } if class == "CommandNotFound" => look_at_block_jobs(host, waiting, true).await,
        Asked::Refused { class, desc } => Err(host.fail(Status::CommandFailed, format!("{class}: {desc}"))),
    }
}

/// The same of block jobs; `are_all`: the peer has no others.
async fn look_at_block_jobs<H: Host>(host: &mut H, waiting: &Waiting, are_all: bool) -> Result<(), H::Stop> {
    let asked = host.jobs().jobs().latest();
    match ask(host, Query::BlockJobs, waiting).await? {
        Asked::Reply(reply) => {
            let result: Bytes = reply.result().unwrap_or_default();
            host.jobs().jobs().on_query_block_jobs(&result, asked, are_all);
            Ok(())
        }
        Asked::Refused { .. } if !are_all => Ok(()),
        Asked::Refused { class, .. } if class == "CommandNotFound" => {
            Err(host.fail(Status::CommandFailed, "this peer has no jobs: it does not know `query-jobs`".to_owned()))
        }
        Asked::Refused { class, desc } => Err(host.fail(Status::CommandFailed, format!("{class}: {desc}"))),
    }
}

/// Dismisses a job that has concluded. If somebody else did it at the same moment there is nothing to say.
async fn dismiss<H: Host>(host: &mut H, waiting: &Waiting, job: &Job) -> Result<(), H::Stop> {
    let id = serde_json::to_string(&job.id).unwrap_or_default();
    let request = Request {
        text: format!(r#"{{"execute":"job-dismiss","arguments":{{"id":{id}}}}}"#),
        ..Request::new("job-dismiss")
    };
    if let Asked::Refused { desc, .. } = send(host, request, waiting).await? {
        look(host, waiting).await?;
        let stays = host.jobs().jobs().get(&job.id).is_some_and(Job::is_to_be_dismissed);
        if stays {
            host.say(&format!("{} stays, because it cannot be dismissed: {desc}", waiting.what));
        }
    }
    Ok(())
}

/// How a job ended that did not do what it was to do.
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
