//! `.jobs` and `.job`: list jobs, and wait for one.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::sleep;

use super::arguments::{Refusal, Words, seconds};
use super::waiting::{Waiting, or_left};
use super::{print_sentences, print_text, print_value, renderer};
use crate::output::progress::{self, Pace};
use crate::output::render::Renderer;
use crate::session::ask::PeerError;
use crate::session::queries::Query;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::jobs::{Attention, Goal, Job, Outcome};
use qmpsh::message::Request;
use qmpsh::text;

/// How many known ids the message about an unknown one names.
const NAMED: usize = 5;

/// How often to query a job whose events should be enough: a lost event must not make the wait endless.
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
        let (id, _) = words.required("the id of a job")?;
        Ok(Self { id, goal, timeout })
    }

    /// Waits until the job has reached its goal, and returns it.
    async fn follow(&self, frontend: &mut dyn Frontend, mut waiting: Waiting) -> Result<Job, Stop> {
        let client = frontend.session().client.clone();
        let tracker = client.tracker();
        query_jobs(frontend, &waiting).await?;
        let mut pace = Pace::default();
        let mut news = tracker.news();
        let (mut asked_why, mut is_late) = (false, false);
        loop {
            let Some(job) = tracker.jobs().get(&self.id).cloned() else {
                return Err(Stop::failed(self.not_found(&tracker.jobs().all())));
            };
            if job.is_to_be_asked() {
                query_jobs(frontend, &waiting).await?;
                continue;
            }
            if job.is_to_be_dismissed() {
                dismiss(frontend, &waiting, &job).await?;
            }
            if let Some(outcome) = job.outcome() {
                return failure(&job, outcome).map_or(Ok(job), |sentence| Err(Stop::failed(sentence)));
            }
            if job.has_reached(self.goal) {
                if job.is_answered() {
                    return Ok(job);
                }
                // Events have no amounts.
                query_jobs(frontend, &waiting).await?;
                continue;
            }
            if job.attention() != Some(Attention::Resume) {
                asked_why = false;
            } else if !std::mem::replace(&mut asked_why, true) {
                // The event about the error may be older than this session.
                query_block_jobs(frontend, &waiting, false).await?;
                continue;
            }
            if is_late {
                return Err(Stop::new(Status::TimedOut, self.still(&job, &waiting)));
            }
            if let Some(progress) = job.progress {
                pace.add(waiting.since.elapsed(), progress.current);
            }
            let needs = job.attention().map(|attention| (attention, progress::needs(&job.id, attention)));
            waiting.show(frontend, needs, "is ", |waited, width| progress::of_job(&job, &pace, waited, width));
            let tick = waiting.tick(LOOK);
            let news = async {
                tokio::select! {
                    _ = news.changed() => false,
                    () = sleep(tick) => true,
                }
            };
            match attend(frontend, news, waiting.limit.end, &waiting.what).await? {
                Some(false) => {}
                Some(true) => query_jobs(frontend, &waiting).await?,
                None => {
                    // The message shows the state of the job now.
                    query_jobs(frontend, &waiting).await?;
                    is_late = true;
                }
            }
        }
    }

    /// Returns the message about a job that took too long.
    fn still(&self, job: &Job, waiting: &Waiting) -> String {
        let goal = match self.goal {
            Goal::Ready => "ready",
            Goal::Pending => "pending",
            Goal::Concluded => "over",
        };
        let amount = progress::amount(job.progress);
        let state = match (job.attention(), &job.status) {
            (Some(attention), _) => progress::needs(&job.id, attention),
            (None, Some(status)) => text::line(status.as_str()).into_owned(),
            (None, None) => "running".to_owned(),
        };
        format!("{} is not {goal} after {}{amount}; it is {state}", waiting.what, waiting.limit)
    }

    /// Returns the message about a job that this session never saw.
    fn not_found(&self, jobs: &[&Job]) -> String {
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
        query_jobs(frontend, &waiting).await?;
        let renderer = renderer(frontend);
        if renderer.is_for_person() {
            if frontend.session().client.tracker().jobs().all().iter().any(|job| !job.is_gone()) {
                // Only this query has the limits.
                query_block_jobs(frontend, &waiting, false).await?;
            }
            return print_table(frontend, renderer).await;
        }
        let client = frontend.session().client.clone();
        let tracker = client.tracker();
        let jobs: Vec<String> = {
            let jobs = tracker.jobs();
            let (gone, there): (Vec<_>, Vec<_>) = jobs.all().into_iter().partition(|job| job.is_gone());
            there.into_iter().chain(gone).map(Job::to_listed_json).collect()
        };
        print_value(frontend, format!("[{}]", jobs.join(", "))).await
    }
}

#[async_trait(?Send)]
impl Builtin for JobWait {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let waiting = Waiting::new(frontend, self.timeout, format!("the job {}", named(&self.id)));
        let done = self.follow(frontend, waiting).await;
        frontend.show_progress(None);
        let id = text::line(&self.id);
        let job = or_left(frontend, done, &format!("`.job {id}` waits again, `job-cancel id={id}` ends it"))?;
        if renderer(frontend).is_for_person() {
            return print_sentences(frontend, &progress::job_end(&job)).await;
        }
        print_value(frontend, job.to_json()).await
    }
}

/// Prints the jobs as a table: those that are still there, and below them those that are gone.
async fn print_table(frontend: &mut dyn Frontend, renderer: Renderer) -> Result<(), Stop> {
    let client = frontend.session().client.clone();
    let tracker = client.tracker();
    let (there, gone) = {
        let jobs = tracker.jobs();
        let (gone, there): (Vec<&Job>, Vec<&Job>) = jobs.all().into_iter().partition(|job| job.is_gone());
        let gone = (!gone.is_empty()).then(|| progress::job_rows(gone.into_iter()));
        ((!there.is_empty()).then(|| progress::job_rows(there.into_iter())), gone)
    };
    match there {
        Some(there) => frontend.print(renderer.rows(None, there)).await?,
        None => print_text(frontend, "no jobs").await?,
    }
    match gone {
        Some(gone) => frontend.print(renderer.rows(Some("dismissed"), gone)).await,
        None => Ok(()),
    }
}

/// Queries all jobs.
async fn query_jobs(frontend: &mut dyn Frontend, waiting: &Waiting) -> Result<(), Stop> {
    let asked = frontend.session().client.tracker().jobs().latest();
    let reply = match waiting.query(frontend, Query::Jobs).await? {
        // Before QEMU 3.0.
        Err(error) if error.is_unknown_command() => return query_block_jobs(frontend, waiting, true).await,
        answer => answer?,
    };
    let result = reply.result().unwrap_or_default();
    if frontend.session().client.tracker().jobs().on_query(&result, asked, true) {
        Ok(())
    } else {
        Err(Stop::failed("the peer's reply to `query-jobs` is not a list of jobs"))
    }
}

/// Queries the block jobs. `are_all`: the peer has no other jobs.
async fn query_block_jobs(frontend: &mut dyn Frontend, waiting: &Waiting, are_all: bool) -> Result<(), Stop> {
    let asked = frontend.session().client.tracker().jobs().latest();
    let reply = match waiting.query(frontend, Query::BlockJobs).await? {
        Err(_) if !are_all => return Ok(()),
        Err(error) if error.is_unknown_command() => {
            return Err(Stop::failed("this peer has no jobs: it does not know `query-jobs`"));
        }
        answer => answer?,
    };
    let result = reply.result().unwrap_or_default();
    frontend.session().client.tracker().jobs().on_query(&result, asked, are_all);
    Ok(())
}

/// Dismisses a job that has concluded, unless another client did at the same moment, or the policy does not allow it.
async fn dismiss(frontend: &mut dyn Frontend, waiting: &Waiting, job: &Job) -> Result<(), Stop> {
    let request = Request::new("job-dismiss").arguments(&json!({ "id": job.id }))?;
    if !frontend.session().client.policy().allows_request(&request) {
        return Ok(());
    }
    if let Err(PeerError { desc, .. }) = waiting.send(frontend, request).await? {
        query_jobs(frontend, waiting).await?;
        let stays = frontend.session().client.tracker().jobs().get(&job.id).is_some_and(Job::is_to_be_dismissed);
        if stays {
            frontend.notifier().say(&format!("{} stays, because it cannot be dismissed: {desc}", waiting.what));
        }
    }
    Ok(())
}

/// Returns why a job counts as failed; `None` if it completed.
fn failure(job: &Job, outcome: Outcome<'_>) -> Option<String> {
    let id = named(&job.id);
    Some(match outcome {
        Outcome::Completed => return None,
        Outcome::Failed(error) => format!("the job {id} failed: {}", text::line(error)),
        Outcome::FailedUnexplained => {
            format!("the job {id} failed, and was dismissed before qmpsh could read its error")
        }
        Outcome::Cancelled => format!("the job {id} was canceled"),
        Outcome::Unknown => format!("the job {id} is gone; this session did not see how it ended"),
    })
}

/// Quotes an id for a sentence.
fn named(id: &str) -> String {
    format!("`{}`", text::line(id))
}

#[cfg(test)]
mod tests {
    use super::super::arguments::read_line;
    use super::*;

    #[test]
    fn options_stand_before_or_behind_the_id() {
        let check = |words: &str, goal, timeout: Option<u64>| {
            let expected = JobWait { id: "m1".into(), goal, timeout: timeout.map(Duration::from_secs) };
            assert_eq!(read_line(&format!(".job {words}"), JobWait::read), Ok(expected), "{words}");
        };
        check("m1", Goal::default(), None);
        check("until=ready m1", Goal::Ready, None);
        check("m1 until=ready", Goal::Ready, None);
        check("timeout=3 m1 until=pending", Goal::Pending, Some(3));
    }
}
