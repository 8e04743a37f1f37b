//! Accepts one of the peers that connect to a listener (E11).

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::core::Established;
use super::link::{Incoming, Listen};
use super::traits::Protocol;

/// How many connections may be in their handshake at a time. One more closes the oldest.
const MOST_CANDIDATES: usize = 16;

/// Establishes a session on one connection.
pub(super) type Candidate<P> = Pin<Box<dyn Future<Output = Result<Established<P>, String>> + Send>>;

/// Returns the first connection that is established, stops listening, and closes all others.
///
/// A peer that is silent or fails its handshake does not hold up the others.
pub(super) async fn first_established<P: Protocol>(
    mut listener: Box<dyn Listen>,
    establish: impl Fn(Incoming) -> Candidate<P>,
) -> io::Result<Established<P>> {
    let mut candidates: Vec<(String, Candidate<P>)> = Vec::new();
    let taken = poll_fn(|context| {
        loop {
            match listener.poll_accept(context) {
                Poll::Pending => break,
                Poll::Ready(Ok(incoming)) => {
                    tracing::debug!("{} came in", incoming.peer);
                    if candidates.len() == MOST_CANDIDATES {
                        let (oldest, _) = candidates.remove(0);
                        tracing::warn!("closed {oldest}: it was silent, and more are coming");
                    }
                    candidates.push((incoming.peer.clone(), establish(incoming)));
                }
                // The peer has disconnected again, which is no error of the listener.
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
    candidates: &mut Vec<(String, Candidate<P>)>,
    context: &mut Context<'_>,
) -> Poll<Established<P>> {
    let mut index = 0;
    while index < candidates.len() {
        match candidates[index].1.as_mut().poll(context) {
            Poll::Pending => index += 1,
            Poll::Ready(Ok(established)) => {
                drop(candidates.remove(index));
                return Poll::Ready(established);
            }
            Poll::Ready(Err(why)) => {
                let (peer, _) = candidates.remove(index);
                tracing::warn!("dropped {peer}: {why}; still listening");
            }
        }
    }
    Poll::Pending
}

/// Closes all other connections, also those in the backlog, and stops listening.
async fn close_others<P: Protocol>(mut listener: Box<dyn Listen>, candidates: Vec<(String, Candidate<P>)>) {
    let mut peers: Vec<String> = candidates.into_iter().map(|(peer, _)| peer).collect();
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

/// Runs `handshake`, which fails after `limit`.
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
