//! Stops a machine, and waits for the event that says so. The README shows this file from here on.
#![allow(clippy::print_stdout)]

use std::error::Error;

use qmpsh::address::Address;
use qmpsh::client::Client;
use qmpsh::message::Request;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: Address = std::env::args().nth(1).ok_or("which address?")?.parse()?;
    let client = Client::connect(address).await?;
    let mut stops = client.events(["STOP"]);

    let reply = client.execute(Request::new("query-name")).await?;
    // The value of `return`, byte for byte as QEMU sent it.
    println!("{}", String::from_utf8_lossy(&reply.result().unwrap_or_default()));

    client.call::<()>("stop", ()).await?;
    if let Some(event) = stops.next().await {
        println!("{}", event.name());
    }
    client.disconnect().await?;
    Ok(())
}
