# Enqueues what bench/systems/elsewhere.py asks for, a line each, and answers with the moment it began (ns).
# frozen_string_literal: true

require "json"
require_relative "job"

$stdout.sync = true
$stdin.each_line do |line|
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  first, count, wait_ms, padding, bulk = JSON.parse(line).values_at("first", "count", "wait_ms", "padding", "bulk")
  numbers = first...(first + count)
  if bulk
    Work.perform_bulk(numbers.map { |number| [number, wait_ms, padding] }) # in thousands
  else
    numbers.each { |number| Work.perform_async(number, wait_ms, padding) }
  end
  puts began
end
