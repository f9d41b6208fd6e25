# Sidekiq's job: the line of bench/jobs.py, and a wait.
# frozen_string_literal: true

require "sidekiq"

Sidekiq.logger.level = Logger::WARN
Redis.silence_deprecations = true # else Debian's pair of versions prints a line for each job that is enqueued
[:configure_server, :configure_client].each do |side|
  Sidekiq.public_send(side) { |config| config.redis = {url: ENV.fetch("BENCH_REDIS")} }
end

class Work
  include Sidekiq::Job

  RECORD = File.open(ENV["BENCH_RECORD"] || File::NULL, "a")

  def perform(number, wait_ms, padding)
    RECORD.syswrite(format("%08d %020d\n", number, Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)))
    sleep(wait_ms / 1000.0) if wait_ms.positive?
  end
end
