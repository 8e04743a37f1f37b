//! Takes one peer of those that connect to a listener (E11).

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::core::Established;
use super::definition::Protocol;
use super::link::{Incoming, Listen};

/// How many connections may be in their handshake at a time; beyond that the oldest is closed.
const MOST_CANDIDATES: usize = 16;

/// Establishes a session on one connection.
type Handshake<'a, P> = Pin<Box<dyn Future<Output = Result<Established<P>, String>> + Send + 'a>>;

struct Candidate<'a, P: Protocol> {
    peer: String,
    handshake: Handshake<'a, P>,
}

/// The first connection that is established; listening stops with it.
///
/// A peer that is silent or fails its handshake does not hold up the others. All others are closed.
pub(super) async fn first_established<P: Protocol>(
    mut listener: Box<dyn Listen>,
    establish: impl Fn(Incoming) -> Handshake<'static, P>,
) -> io::Result<Established<P>> {
    let mut candidates: Vec<Candidate<'_, P>> = Vec::new();
    let taken = poll_fn(|context| {
        loop {
            match listener.poll_accept(context) {
                Poll::Pending => break,
                Poll::Ready(Ok(incoming)) => {
                    tracing::debug!("{} came in", incoming.peer);
                    if candidates.len() == MOST_CANDIDATES {
                        let oldest = candidates.remove(0);
                        tracing::warn!("closed {}: it was silent, and more are coming", oldest.peer);
                    }
                    candidates.push(Candidate { peer: incoming.peer.clone(), handshake: establish(incoming) });
                }
                // A peer that has disconnected again is not an error of the listener.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        poll_candidates(&mut candidates, context).map(Ok)
    })
    .await?;
    close_others(listener, candidates).await;
    Ok(taken)
}

fn poll_candidates<P: Protocol>(
    candidates: &mut Vec<Candidate<'_, P>>,
    context: &mut Context<'_>,
) -> Poll<Established<P>> {
    let mut index = 0;
    while index < candidates.len() {
        match candidates[index].handshake.as_mut().poll(context) {
            Poll::Pending => index += 1,
            Poll::Ready(Ok(established)) => {
                candidates.remove(index);
                return Poll::Ready(established);
            }
            Poll::Ready(Err(why)) => {
                let candidate = candidates.remove(index);
                tracing::warn!("dropped {}: {why}; still listening", candidate.peer);
            }
        }
    }
    Poll::Pending
}

/// Closes all other connections, also those in the backlog, and stops listening.
async fn close_others<P: Protocol>(mut listener: Box<dyn Listen>, candidates: Vec<Candidate<'_, P>>) {
    let mut peers: Vec<String> = candidates.into_iter().map(|candidate| candidate.peer).collect();
    poll_fn(|context| {
        while let Poll::Ready(Ok(incoming)) = listener.poll_accept(context) {
            peers.push(incoming.peer);
        }
        Poll::Ready(())
    })
    .await;
    for peer in peers {
        tracing::warn!("closed {peer}: only one peer is taken");
    }
}

/// `handshake`, given up after `limit`.
pub(super) async fn limited<T>(
    limit: Option<Duration>,
    handshake: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    match limit {
        None => handshake.await,
        Some(limit) => match tokio::time::timeout(limit, handshake).await {
            Ok(result) => result,
            Err(_) => Err(format!("no handshake within {} s", limit.as_secs_f64())),
        },
    }
}
