// etcdload puts the load of `atoll bench records` on an etcd cluster, through etcd's own Go client: a number of clients in a
// closed loop over a number of connections, for a number of seconds. It prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
)

type result struct {
	Operation  string  `json:"load"`
	Clients    int     `json:"clients"`
	Operations int     `json:"operations"`
	Failures   int     `json:"errors"`
	Throughput float64 `json:"opsPerSecond"`
	P50        float64 `json:"p50Ms"`
	P99        float64 `json:"p99Ms"`
	P999       float64 `json:"p999Ms"`
}

func main() {
	endpoints := flag.String("endpoints", "127.0.0.1:2379", "comma-separated")
	operation := flag.String("op", "put", "put, get or mix (95% get)")
	clients := flag.Int("clients", 64, "callers in a closed loop")
	connections := flag.Int("connections", 8, "connections, at most one per client")
	seconds := flag.Float64("seconds", 8, "measured time")
	warmup := flag.Float64("warmup", 2, "seconds before measuring")
	valueBytes := flag.Int("value-bytes", 256, "size of a value")
	keys := flag.Int("keys", 10000, "size of the key space")
	fill := flag.Bool("fill", false, "only write every key once")
	flag.Parse()

	if *connections > *clients {
		*connections = *clients
	}
	pool := make([]*clientv3.Client, *connections)
	for i := range pool {
		client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(*endpoints, ","), DialTimeout: 5 * time.Second})
		if err != nil {
			fmt.Fprintln(os.Stderr, "etcdload: cannot connect:", err)
			os.Exit(1)
		}
		defer client.Close()
		pool[i] = client
	}

	value := strings.Repeat("v", *valueBytes)
	key := func(n int) string { return fmt.Sprintf("key-%08d", n) }
	if *fill {
		var wait sync.WaitGroup
		for c := 0; c < *clients; c++ {
			wait.Add(1)
			go func(c int) {
				defer wait.Done()
				for n := c; n < *keys; n += *clients {
					if _, err := pool[c%len(pool)].Put(context.Background(), key(n), value); err != nil {
						fmt.Fprintln(os.Stderr, "etcdload: put failed:", err)
						os.Exit(1)
					}
				}
			}(c)
		}
		wait.Wait()
		return
	}

	start := time.Now().Add(time.Duration(*warmup * float64(time.Second)))
	end := start.Add(time.Duration(*seconds * float64(time.Second)))
	latencies := make([][]time.Duration, *clients)
	failures := make([]int, *clients)
	var wait sync.WaitGroup
	for c := 0; c < *clients; c++ {
		wait.Add(1)
		go func(c int) {
			defer wait.Done()
			random := rand.New(rand.NewSource(int64(c + 1)))
			client := pool[c%len(pool)]
			for {
				began := time.Now()
				if !began.Before(end) {
					return
				}
				var err error
				if *operation == "put" || (*operation == "mix" && random.Intn(100) < 5) {
					_, err = client.Put(context.Background(), key(random.Intn(*keys)), value)
				} else {
					_, err = client.Get(context.Background(), key(random.Intn(*keys)))
				}
				if !began.Before(start) {
					if err != nil {
						failures[c]++
					} else {
						latencies[c] = append(latencies[c], time.Since(began))
					}
				}
			}
		}(c)
	}
	wait.Wait()

	var all []time.Duration
	failed := 0
	for c := range latencies {
		all = append(all, latencies[c]...)
		failed += failures[c]
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(quantile float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(quantile*float64(len(all)-1))]) / float64(time.Millisecond)
	}
	json.NewEncoder(os.Stdout).Encode(result{
		*operation, *clients, len(all), failed, float64(len(all)) / *seconds, at(0.50), at(0.99), at(0.999)})
}
