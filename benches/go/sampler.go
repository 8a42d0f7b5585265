package main

import (
	"slices"
	"time"
)

// sampler times batches of calls that take about as long as one another whatever the call.
type sampler struct {
	batch   time.Duration
	samples int
}

func newSampler(quick bool) sampler {
	if quick {
		return sampler{batch: 500 * time.Microsecond, samples: 81}
	}
	return sampler{batch: time.Millisecond, samples: 301}
}

// median is the nanoseconds of one call: the median of many short batches, which an interruption spoils one of.
func (s sampler) median(call func(int)) float64 {
	calls := 1
	for {
		took := timed(calls, call)
		if took >= s.batch/2 {
			calls = max(1, int(float64(calls)*float64(s.batch)/float64(took)))
			break
		}
		calls *= 2
	}
	times := make([]float64, s.samples)
	for i := range times {
		times[i] = float64(timed(calls, call).Nanoseconds()) / float64(calls)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

func timed(calls int, call func(int)) time.Duration {
	start := time.Now()
	for i := range calls {
		call(i)
	}
	return time.Since(start)
}
