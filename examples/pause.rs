//! Stops a machine, and waits for the event that says so. The README shows this file from here on.
#![allow(clippy::print_stdout)]

use std::error::Error;

use qmpsh::client::{Client, ClientOptions};
use qmpsh::events::Delivery;
use qmpsh::message::Request;
use qmpsh::transport::Unix;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(1).ok_or("which socket?")?;
    let client = Client::new(ClientOptions::default());
    // A stream made before connecting misses no event.
    let mut stops = client.events(Delivery::Newest { room: 1 << 20 }, |event| event.name() == "STOP");
    client.connect(Unix::path(&socket)).await?;

    let reply = client.execute(Request::new("query-name")).await?;
    // The value of `return`, byte for byte as QEMU sent it.
    println!("{}", String::from_utf8_lossy(&reply.result().unwrap_or_default()));

    client.execute(Request::new("stop")).await?;
    for event in stops.batch().await.events {
        println!("{}", event.name());
    }
    client.disconnect().await?;
    Ok(())
}
