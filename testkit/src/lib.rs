#![doc = include_str!("../README.md")]

pub mod archive;
pub mod by_hand;
pub mod hostile;
pub mod hostile_registry;
pub mod jwt;
pub mod layers;
pub mod mutants;
pub mod proxy;
pub mod registry;
pub mod signing_services;
pub mod sigstore;
pub mod timestamps;
pub mod tls;
pub mod without_network;
pub mod world;
