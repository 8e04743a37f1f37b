//! A handle on a job, to wait for it.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;

use super::error::ExecuteError;
use super::handle::Client;
use crate::jobs::{Job, Outcome};
use crate::message::Request;
use crate::text;

/// How often a job is asked for: events have no progress.
const LOOK: Duration = Duration::from_secs(1);

/// Why a job has no success.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// It failed.
    #[error("the job `{}` failed: {}", text::line(id), text::line(error))]
    Failed {
        /// Its id.
        id: String,
        /// QEMU's error message; not safe to show as it is.
        error: String,
    },
    /// It was canceled.
    #[error("the job `{}` was canceled", text::line(id))]
    Cancelled {
        /// Its id.
        id: String,
    },
    /// It is gone, and this session did not see how it ended.
    #[error("the job `{}` is gone, and how it ended is unknown", text::line(id))]
    Unknown {
        /// Its id.
        id: String,
    },
    /// This session never saw it.
    #[error("there is no job `{}`, or it ended before this session began", text::line(id))]
    NotFound {
        /// Its id.
        id: String,
    },
    /// The reply to `query-jobs` is not a list of jobs.
    #[error("the peer's reply to `query-jobs` is not a list of jobs")]
    BadReply,
    /// A command was refused, or the connection ended.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

/// A handle on a job, whether it exists yet or not. [`Client::job`] makes it.
///
/// ```no_run
/// # async fn example(client: qmpsh::client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let mut job = client.job("b1");
/// while let Some(job) = job.next().await? {
///     println!("{:?}", job.progress);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JobHandle {
    client: Client,
    id: String,
    /// Set once there was a first state.
    news: Option<watch::Receiver<u64>>,
    is_over: bool,
}

impl Client {
    /// Returns a handle on a job, to wait for it. See [`JobHandle`].
    pub fn job(&self, id: impl Into<String>) -> JobHandle {
        JobHandle { client: self.clone(), id: id.into(), news: None, is_over: false }
    }
}

impl JobHandle {
    /// Waits until the job has succeeded, and returns its last state. It dismisses the job if it would stay, and the policy of the
    /// client allows that.
    ///
    /// It works also if the job was over before the call, as long as this session has seen its end. A job that waits for a command,
    /// such as `job-complete`, goes on only after it: see [`next`](Self::next). Cancel safe: the job is not touched, and can be waited
    /// for again.
    ///
    /// # Errors
    ///
    /// The job failed, was canceled, was never seen, or the connection ended.
    pub async fn wait(mut self) -> Result<Job, JobError> {
        let mut last = None;
        while let Some(job) = self.next().await? {
            last = Some(job);
        }
        last.ok_or(JobError::NotFound { id: self.id })
    }

    /// Returns the state of the job: at first that of now, then after each change, at the latest after a second. The last one has an
    /// [outcome](Job::outcome), and `None` comes after it.
    ///
    /// [`Job::attention`] says if the job waits for a command. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub async fn next(&mut self) -> Result<Option<Job>, JobError> {
        if self.is_over {
            return Ok(None);
        }
        match &mut self.news {
            None => self.news = Some(self.client.tracker().news()),
            Some(news) => {
                tokio::select! {
                    _ = news.changed() => {}
                    () = sleep(LOOK) => {}
                }
            }
        }
        let job = self.state().await?;
        let id = || self.id.clone();
        let failed = match job.outcome() {
            None => return Ok(Some(job)),
            Some(Outcome::Completed) => {
                self.is_over = true;
                return Ok(Some(job));
            }
            Some(Outcome::Failed(error)) => JobError::Failed { id: id(), error: error.to_owned() },
            Some(Outcome::FailedUnexplained) => {
                let error = "it was dismissed before its error could be read".to_owned();
                JobError::Failed { id: id(), error }
            }
            Some(Outcome::Cancelled) => JobError::Cancelled { id: id() },
            Some(Outcome::Unknown) => JobError::Unknown { id: id() },
        };
        self.is_over = true;
        Err(failed)
    }

    /// Returns what is known after a query, which a job that is gone does not need.
    async fn state(&self) -> Result<Job, JobError> {
        loop {
            if let Some(job) = self.known().filter(Job::is_gone) {
                return Ok(job);
            }
            let tracker = self.client.tracker();
            let asked = tracker.jobs().latest();
            let reply = self.client.ask(Request::new("query-jobs")).await?;
            if !tracker.jobs().on_query(&reply.result().unwrap_or_default(), asked, true) {
                return Err(JobError::BadReply);
            }
            let job = self.known().ok_or_else(|| JobError::NotFound { id: self.id.clone() })?;
            if job.is_to_be_asked() {
                // It concluded after QEMU had put the reply together.
                continue;
            }
            if job.is_to_be_dismissed() {
                self.dismiss().await?;
            }
            return Ok(job);
        }
    }

    fn known(&self) -> Option<Job> {
        self.client.tracker().jobs().get(&self.id).cloned()
    }

    /// Dismisses the job. Another client may have done so, or the policy does not allow it: then it stays.
    async fn dismiss(&self) -> Result<(), JobError> {
        let request = Request::new("job-dismiss").arguments(&json!({ "id": self.id }));
        match self.client.ask(request.map_err(ExecuteError::from)?).await {
            Ok(_) | Err(ExecuteError::Server { .. } | ExecuteError::NotAllowed { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
