#!/bin/sh
# Writes the copy of config/events.yaml that is built into the program. A test checks that it is current.
set -eu
cd "$(dirname "$0")/../.."
out=Sources/ConfigurationFile/BuiltInCatalogue.swift
{
    echo '// Made by deploy/scripts/embed-catalogue.sh from config/events.yaml: change that file, then run it.'
    echo '// swift-format-ignore-file'
    echo ''
    echo 'let builtInCatalogueText = #"""'
    cat config/events.yaml
    echo '"""#'
} > "$out"
