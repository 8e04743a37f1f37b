//! A QMP server: `cargo run --example server -- /tmp/server.sock`. Any QMP client can talk to it.
#![allow(clippy::print_stdout)]

use std::error::Error;

use qmpsh::message::{Greeting, Version};
use qmpsh::protocol::{Bind, Incoming};
use qmpsh::server::{Command, Connection, MAX_REQUEST, Received, Response, next_peer};
use qmpsh::transport::Unix;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(1).ok_or("which socket?")?;
    let mut listener = Unix::path(&socket).bind().await?;
    println!("listening on {}", listener.address());
    loop {
        let incoming = next_peer(&mut *listener).await?;
        tokio::spawn(async move {
            if let Err(error) = serve(incoming).await {
                println!("dropped a client: {error}");
            }
        });
    }
}

async fn serve(incoming: Incoming) -> Result<(), Box<dyn Error + Send + Sync>> {
    let version = Version { major: 1, minor: 0, micro: 0, package: "example".to_owned() };
    let greeting = Greeting { version, capabilities: Vec::new() };
    let link = incoming.handshake.await?;
    // Greets the client, and waits for its negotiation.
    let mut connection = Connection::open(link, &greeting, MAX_REQUEST).await?;
    let responses = connection.responses();
    while let Some(received) = connection.next().await {
        match received {
            Received::Command(command) => {
                if command.name() == "stop" {
                    responses.send(Response::event(br#"{"event": "STOP"}"#)).await?;
                }
                responses.send(run(&command)).await?;
            }
            // A request that is not a command, such as broken JSON, has its answer already.
            Received::Refused { response, .. } => responses.send(response).await?,
        }
    }
    Ok(())
}

/// Runs a command. Its id, of any type, goes back with the reply.
fn run(command: &Command) -> Response {
    match command.name() {
        "query-status" => command.returns(r#"{"status": "running", "running": true}"#),
        "stop" => command.returns("{}"),
        name => command.fails("CommandNotFound", &format!("The command {name} has not been found")),
    }
}
