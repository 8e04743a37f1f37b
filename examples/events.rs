//! Shows some of the events until QEMU ends: `cargo run --example events -- /run/q.sock`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use qmpsh::address::Address;
use qmpsh::client::Client;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: Address = std::env::args().nth(1).ok_or("which address?")?.parse()?;
    let client = Client::connect(address).await?;
    let mut events = client.events(["STOP", "RESUME", "SHUTDOWN", "BLOCK_*", "DEVICE_*"]);
    println!("connected");
    while let Some(event) = events.next().await {
        println!("{} {}", event.name(), event.data::<Value>()?);
    }
    println!("ended");
    Ok(())
}
